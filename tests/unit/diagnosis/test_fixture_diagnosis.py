"""The net of fixtures/ that is quantized badly on purpose: a known fault has to be found where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.diagnosis.diagnose import Diagnosis, diagnose
from pytest_quant.zoo.reader import find_model, read_zoo

ZOO = Path(__file__).parents[3] / "fixtures" / "zoo.quant.yaml"


def diagnosed(name: str, folder: Path) -> Diagnosis:
    return diagnose(find_model(read_zoo(ZOO), name), open_workbench(folder, cores=2))


def test_calibration_without_normalization_spoils_the_first_layer(tmp_path: Path) -> None:
    bad, good = (diagnosed(name, tmp_path) for name in ("mobilenetv2-unnormalized", "mobilenetv2"))
    worst, second = bad.worst[:2]
    assert worst.layer == bad.layers[0].layer
    assert worst.output_share == pytest.approx(1, abs=0.1)
    assert worst.output_sqnr_db is not None
    assert second.output_sqnr_db is not None
    assert second.output_sqnr_db > worst.output_sqnr_db + 20
    # Without that layer's error nothing would be wrong with the net.
    assert good.output_sqnr_db > bad.output_sqnr_db + 20
