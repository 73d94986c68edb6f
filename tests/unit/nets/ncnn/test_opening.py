from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.nets.ncnn import opening
from pytest_quant.nets.ncnn.files.facts import inspect_net
from pytest_quant.nets.ncnn.net_files import ncnn_files
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import BrokenModel, read_zoo
from tests import tiny

UNKNOWN_LAYER = """7767517
3 3
Input            data  0 1 data
Convolution      conv  1 1 data conv 0=4 1=1 5=1 6=12
ReLU             relu  1 1 conv prob
"""


@pytest.fixture
def model(tmp_path: Path) -> ModelSpec:
    (found,) = read_zoo(tiny.write_zoo(tmp_path)).models
    assert not isinstance(found, BrokenModel)
    return found


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Trial runs in a child process, recorded in place of being made; the second and later ones fail."""
    made: list[tuple[Any, ...]] = []

    def record(*args: Any) -> None:
        made.append(args)
        if len(made) > 1:
            raise ModelFileError("net.param: a trial run in a child process died of SIGSEGV")

    monkeypatch.setattr(opening, "probe", record)
    monkeypatch.setattr(opening, "_trials", {})
    return made


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


def test_known_layers_need_no_trial_run(model: ModelSpec, trials: list[tuple[Any, ...]]) -> None:
    open_runner(model, "fp32").close()
    assert trials == []


def test_an_unknown_layer_type_is_tried_once_in_a_child(
    model: ModelSpec, trials: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ncnn_files(model, "fp32")
    facts = inspect_net(files.param, files.bin)
    monkeypatch.setattr(opening, "inspect_net", lambda *_: replace(facts, unknown_types=("Exotic",)))
    for _ in range(3):
        open_runner(model, "fp32").close()
    assert trials == [(ncnn_files(model, "fp32"), "data", (3, 8, 8), ("prob",), frozenset())]
    other = model.with_net("fp32", model.nets["int8"])
    for _ in range(2):  # the second time from memory
        with pytest.raises(ModelFileError, match="died of SIGSEGV"):
            open_runner(other, "fp32")
    assert len(trials) == 2
