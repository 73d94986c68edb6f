"""Raw outputs of two nets of one model, compared over the same inputs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.agreement import LikenessPipeline, OutputAgreement, PairElsewhere, PairRunner
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.evidence.likeness import Likeness
from pytest_quant.extending.known import get_task
from pytest_quant.nets.base import LooksAhead
from pytest_quant.nets.onnxruntime.format import onnx_net
from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import read_zoo
from tests import tiny, tiny_onnx


@pytest.fixture
def model(tmp_path: Path) -> ModelSpec:
    tiny.write_images(tmp_path, 12)
    (found,) = read_zoo(tiny.write_zoo(tmp_path)).models
    assert isinstance(found, ModelSpec)
    return replace(found, nets={"onnx": onnx_net(tmp_path / tiny_onnx.write_onnx(tmp_path, noise=0.01)), **found.nets})


def by_hand(bench: Workbench, model: ModelSpec, count: int) -> float:
    onnx, ncnn = open_runner(model, "onnx"), open_runner(model, "fp32")
    pipeline, dataset = get_task(model.task).pipeline(model), bench.dataset(model.dataset)
    tensors = [pipeline.prepare(dataset.read(sample), sample).tensor for sample in bench.selection(model)[0][:count]]
    one, other = (np.array([net.run(tensor)["prob"] for tensor in tensors], np.float64) for net in (onnx, ncnn))
    return 10 * math.log10(np.sum(one**2) / np.sum((one - other) ** 2))


def test_the_ratio_is_over_all_inputs(tmp_path: Path, model: ModelSpec) -> None:
    bench = open_workbench(tmp_path / "run", cores=1)
    found = bench.agreement(model, "onnx", "fp32", bench.selection(model)[0][:5])
    assert found.samples == 5
    assert found.sqnr_db == {"prob": pytest.approx(by_hand(bench, model, 5))}
    assert 20 < found.worst[1] < 60


def test_it_is_kept_like_predictions(tmp_path: Path, model: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = open_workbench(tmp_path / "run", cores=1)
    samples = bench.selection(model)[0][:5]
    first = bench.agreement(model, "onnx", "fp32", samples)
    monkeypatch.setattr("pytest_quant.evaluation.agreement.open_runner", None)  # nothing is to be run any more
    assert bench.agreement(model, "onnx", "fp32", samples) == first
    with pytest.raises(TypeError):
        bench.agreement(model, "onnx", "fp32", samples[:4])


def test_predictions_of_every_net_on_chosen_samples(tmp_path: Path, model: ModelSpec) -> None:
    bench = open_workbench(tmp_path / "run", cores=1)
    samples = bench.selection(model)[0][3:9]
    found = bench.predictions(model, tuple(model.nets), samples)
    assert list(found) == ["onnx", "fp32", "int8"]
    assert {len(predictions) for predictions in found.values()} == {6}
    assert [p.label for p in found["onnx"]] == [p.label for p in found["fp32"]]
    assert found["onnx"] != found["fp32"]
    with pytest.raises(ConfigError, match="has no `onnx_int8` in"):
        bench.predictions(model, ("fp32", "onnx_int8"), samples)
    with pytest.raises(ConfigError, match="has no `onnx_int8` in"):
        bench.measure(model, net="onnx_int8")


def test_outputs_of_other_shapes_are_said(tmp_path: Path, model: ModelSpec) -> None:
    path = tmp_path / tiny_onnx.write_onnx(tmp_path, "conv.onnx", keep_map=True)
    bench = open_workbench(tmp_path / "run", cores=1)
    with pytest.raises(RunnerError, match=r"'prob' has shape \(4, 8, 8\) in onnx and \(4,\) in fp32"):
        bench.agreement(model.with_net("onnx", onnx_net(path)), "onnx", "fp32", bench.selection(model)[0][:1])


LIKENESSES = st.builds(Likeness, *[st.floats(0, 9)] * 4)


@given(st.lists(st.dictionaries(st.sampled_from("ab"), LIKENESSES), min_size=1))
def test_what_is_packed_comes_back(found: list[dict[str, Likeness]]) -> None:
    pipeline = LikenessPipeline.__new__(LikenessPipeline)
    back = pipeline.unpack(pipeline.pack(found))
    blobs = {blob for sample in found for blob in sample}
    assert [dict(sample) for sample in back] == [
        {blob: sample.get(blob, Likeness()) for blob in back[0]} for sample in found
    ]
    assert set(back[0]) == blobs


def test_the_worst_output() -> None:
    one, other = {"a": Likeness(1.0, 0.0), "b": Likeness(50.0, 1.0)}, {"a": Likeness(1.0), "b": Likeness(50.0)}
    agreement = OutputAgreement.of([one, other])
    assert agreement.sqnr_db == {"a": math.inf, "b": pytest.approx(20)}
    assert agreement.worst[0] == "b"


def test_a_pair_gives_the_outputs_of_the_first_and_closes_both(model: ModelSpec) -> None:
    pair = PairRunner(open_runner(model, "onnx"), open_runner(model, "fp32"))
    found = pair.run(np.zeros((3, tiny.SIDE, tiny.SIDE), np.float32))
    assert list(found) == ["prob", "other net: prob"]
    pair.close()


@LooksAhead.register
class Elsewhere:
    """A net on a target; writes down what it is told."""

    forward_s = 0.5

    def __init__(self, has_room: bool) -> None:
        self.has_room = has_room
        self.log: list[str] = []

    def ahead(self, array: NDArray[np.float32]) -> None:
        self.log.append(f"ahead {array.item()}")

    def run(self, array: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return {"out": array}

    def forget(self) -> None:
        self.log.append("forget")

    def close(self) -> None:
        self.log.append("close")


class Here:
    """A net of this process."""

    def run(self, array: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return {"out": 2 * array}

    def close(self) -> None:
        """Nothing to free."""


def test_a_pair_tells_the_nets_elsewhere_what_comes() -> None:
    one, two = Elsewhere(True), Elsewhere(False)
    pair = PairElsewhere(one, two)
    assert isinstance(pair, LooksAhead)
    pair.ahead(np.ones(1, np.float32))
    pair.forget()
    pair.close()
    assert one.log == two.log == ["ahead 1.0", "forget", "close"]
    assert (pair.forward_s, pair.has_room) == (1.0, False)
    mixed = PairElsewhere(Here(), one)
    assert (mixed.forward_s, mixed.has_room) == (0.5, True)
    assert {name: array.item() for name, array in mixed.run(np.ones(1, np.float32)).items()} == {
        "out": 2.0,
        "other net: out": 1.0,
    }
    assert not isinstance(PairRunner(Here(), Here()), LooksAhead)
