from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.diagnosis.diagnose import diagnose
from pytest_quant.diagnosis.sample_inputs import sample_inputs
from pytest_quant.evaluation.first_input import first_input
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Prepared, Run, Tensor
from pytest_quant.zoo.reader import read_zoo
from tests.integration.test_other_tasks import pose_zoo
from tests.unit.quantize.models import bench, write_model


class Parts:
    """A pipeline whose net sees some parts of a sample, one after the other."""

    def __init__(self, parts: Sequence[Tensor]) -> None:
        self._parts = parts

    def predict(self, run: Run, prepared: Prepared) -> list[NDArray[np.float32]]:
        return [run(part)["out0"] for part in self._parts]


def test_the_first_part_counts() -> None:
    one, two = np.zeros((3, 4, 4), np.float32), np.ones((3, 4, 4), np.float32)
    prepared = Prepared(np.stack([one, two]), None)  # type: ignore[arg-type]
    assert first_input(Parts([one, two]), prepared) is one  # type: ignore[arg-type]
    assert first_input(Parts([]), prepared) is None  # type: ignore[arg-type]


def test_samples_without_an_input_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, desk = write_model(tmp_path), bench(tmp_path)
    everything = sample_inputs(model, desk, 100)
    assert len(everything) == 20
    tensors = iter([None, *everything.values()])
    monkeypatch.setattr("pytest_quant.diagnosis.sample_inputs.first_input", lambda *_: next(tensors))
    assert list(sample_inputs(model, desk, 3)) == list(everything)[1:4]


def test_a_pose_net_sees_one_person_at_a_time(tmp_path: Path) -> None:
    pose_zoo(tmp_path, "ground-truth")
    model = read_zoo(tmp_path / "zoo.quant.yaml").models[0]
    assert isinstance(model, ModelSpec)
    inputs = sample_inputs(model, bench(tmp_path), 2)
    assert model.input.size is not None
    width, height = model.input.size
    assert {tensor.shape for tensor in inputs.values()} == {(3, height, width)}
    found = diagnose(model, bench(tmp_path), 2)
    assert [error.layer for error in found.worst] == ["conv"]
    assert found.worst[0].macs == 3 * 17 * width * height
    assert found.worst[0].own_sqnr_db > 20
