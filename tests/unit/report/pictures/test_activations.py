from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.report.pictures.activations import activations
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import read_zoo
from tests import tiny


def tiny_model(folder: Path) -> ModelSpec:
    model = read_zoo(folder / "zoo.quant.yaml").models[0]
    assert isinstance(model, ModelSpec)
    return model


def test_what_is_cut_off_shows(tmp_path: Path) -> None:
    tiny.write_images(tmp_path, 4)
    tiny.write_zoo(tmp_path, {"bad": tiny.write_bad_model(tmp_path)})
    model = tiny_model(tmp_path)
    bench = open_workbench(tmp_path / "run", cores=1)
    found = activations(model, bench, ["conv", "prob", "nothing"])
    assert found.note is None
    (curve,) = found.curves
    assert curve.mark == pytest.approx(127 / tiny.BAD_SCALE)
    assert curve.title.startswith("Input of conv: 9")
    values = curve.lines["fp32"]
    assert len(values) == 80
    assert values[0][0] == 0.0
    assert 0.3 < values[-1][0] <= 1.0
    assert sum(10**y - 1 for _, y in values[::2]) == pytest.approx(2 * 3 * tiny.SIDE**2, rel=0.01)


def test_where_it_fails_it_says_why(tmp_path: Path) -> None:
    tiny.write_images(tmp_path, 4)
    tiny.write_zoo(tmp_path, {"tiny": tiny.model_entry(tmp_path)})
    model = tiny_model(tmp_path)
    (tmp_path / "tiny-int8.bin").write_bytes(b"")
    found = activations(model, open_workbench(tmp_path / "run", cores=1), ["conv"])
    assert found.curves == ()
    assert "tiny-int8.bin" in str(found.note)
