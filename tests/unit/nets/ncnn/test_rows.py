"""Nets whose last layer lists what it finds: as many rows as there are, and an empty blob for none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_quant.diagnosis.pairing import comparable, pair_layers
from pytest_quant.nets.ncnn.files.facts import inspect_net
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.errors import RunnerError
from tests import tiny_detector

SHAPE = (3, tiny_detector.SIDE, tiny_detector.SIDE)


@pytest.fixture
def files(tmp_path: Path) -> NcnnFiles:
    tiny_detector.write_rows_net(tmp_path, "net")
    return NcnnFiles(param=tmp_path / "net.param", bin=tmp_path / "net.bin")


def test_rows_and_none(files: NcnnFiles) -> None:
    rows = inspect_net(files.param, files.bin).rows
    assert rows == {"rows"}
    runner = NcnnRunner(NetSetup(files, "data", ("rows",), "reference", rows=rows))
    image = np.zeros(SHAPE, np.float32)
    assert runner.run(image)["rows"].shape == (0, 6)
    image[1, 8:16, 16:24] = 1  # the cell (2, 1) in green
    (row,) = runner.run(image)["rows"]
    assert row[0] == 2  # labels begin at 1
    np.testing.assert_allclose(row[2:], [0.5, 0.25, 0.75, 0.5], atol=1e-3)
    runner.close()


def test_an_empty_blob_of_another_layer_is_an_error(files: NcnnFiles) -> None:
    runner = NcnnRunner(NetSetup(files, "data", ("rows",), "reference"))
    with pytest.raises(RunnerError, match="ncnn gave no output blob 'rows'"):
        runner.run(np.zeros(SHAPE, np.float32))
    runner.close()


def test_errors_are_those_of_what_is_listed_from(files: NcnnFiles, tmp_path: Path) -> None:
    tiny_detector.write_rows_net(tmp_path, "int8", int8=True)
    fp32, int8 = read_param(files.param), read_param(tmp_path / "int8.param")
    assert comparable(fp32, ["rows"]) == ("conv",)
    assert [pair.layer.name for pair in pair_layers(fp32, int8).pairs] == ["conv"]
