from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.nets.ncnn.net_files import ncnn_files
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import BrokenModel, read_zoo
from tests import tiny


@pytest.fixture
def model(tmp_path: Path) -> ModelSpec:
    (found,) = read_zoo(tiny.write_zoo(tmp_path)).models
    assert not isinstance(found, BrokenModel)
    return found


def test_channels_and_size_of_the_input_are_known_from_files_and_entry(model: ModelSpec) -> None:
    for side in ("fp32", "int8"):
        runner = open_runner(model, side)
        with pytest.raises(RunnerError, match="3 channels"):
            runner.run(np.zeros((1, 8, 8), np.float32))
        with pytest.raises(RunnerError, match="width 8 and height 8"):
            runner.run(np.zeros((3, 8, 9), np.float32))
        assert runner.run(np.zeros((3, 8, 8), np.float32))["prob"].size == tiny.CLASSES
        runner.close()


def test_a_damaged_file_never_reaches_ncnn(model: ModelSpec) -> None:
    ncnn_files(model, "int8").bin.write_bytes(
        ncnn_files(model, "int8").bin.read_bytes()[:-4]
    )  # ncnn itself dies of this
    with pytest.raises(ModelFileError, match=r"tiny-int8\.bin"):
        open_runner(model, "int8")
