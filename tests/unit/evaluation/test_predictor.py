"""Nets that compute elsewhere get the inputs of later samples beforehand, and nothing else changes by it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.evaluation.engine.work import Note
from pytest_quant.evaluation.evaluate import PredictionWork, Shard
from pytest_quant.evaluation.predictor import Predictor
from pytest_quant.evaluation.store import ShardKey, StoredShard
from pytest_quant.nets.base import LooksAhead, Runner
from pytest_quant.nets.remote.connection import TargetError
from pytest_quant.spec.errors import DatasetError, RunnerError
from pytest_quant.spec.net import SIDES, Net
from tests.unit.evaluation.fakes import FACTOR, Numbers, Product

ROOM = 3


@LooksAhead.register
class Elsewhere:
    """Multiplies; writes down what it is told, and in which order."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.log: list[str] = []
        self.forward_s = 0.0
        self._waiting: list[int] = []

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < ROOM

    def ahead(self, array: NDArray[np.float32]) -> None:
        self._waiting.append(int(array.item()))
        self.log.append(f"ahead {self._waiting[-1]}")

    def run(self, array: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        number = int(array.item())
        assert self._waiting.pop(0) == number, "inputs are asked for in the order of the announcements"
        self.log.append(f"run {number}")
        if number == 5:
            raise RunnerError("five is too much")
        self.forward_s += 0.5
        return {"out": array * FACTOR[self.net]}

    def no_more(self) -> None:
        self.log.append("no more")

    def forget(self) -> None:
        self._waiting.clear()
        self.log.append("forget")

    def close(self) -> None:
        self.log.append("close")


class OneMissing(Numbers):
    """Sample 2 cannot be read."""

    def read(self, sample: Sample, *, orient: bool = True) -> Image:
        if sample.source == 2:
            raise DatasetError("gone")
        return super().read(sample, orient=orient)


def test_inputs_go_ahead_as_far_as_there_is_room() -> None:
    nets = {net: Elsewhere(net) for net in ("fp32", "int8")}
    assert all(isinstance(net, LooksAhead) for net in nets.values())
    dataset = Numbers(5)
    predictor = Predictor(PredictionWork(dataset, Product(), lambda net, shape: nets[net]))
    found = predictor.run(Shard(0, dataset.samples, {"fp32": _key(), "int8": _key()}), lambda what: None)
    for net, stored in found.items():
        assert stored.arrays["values"].tolist() == [FACTOR[net] * number for number in range(5)]
        assert stored.elapsed_s == 2.5, "as the other side tells"
        assert nets[net].log[:5] == ["ahead 0", "ahead 1", "ahead 2", "run 0", "ahead 3"]
        assert nets[net].log[-1] == "forget"


def test_the_last_answers_are_asked_for_net_by_net() -> None:
    log: list[str] = []
    nets: dict[Net, Elsewhere] = {net: Elsewhere(net) for net in SIDES}
    for net in nets.values():
        net.log = log
    dataset = Numbers(ROOM)
    predictor = Predictor(PredictionWork(dataset, Product(), lambda net, shape: nets[net]))
    predictor.run(Shard(0, dataset.samples, dict.fromkeys(SIDES, _key())), lambda what: None)
    assert log[2 * ROOM : -2] == ["run 0", "run 0", "no more", "no more", "run 1", "run 2", "run 1", "run 2"]


class NoAnswer(Elsewhere):
    """A net whose target hangs from the second input on."""

    def run(self, array: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        if array.item() > 0:
            raise TargetError("target board: gave no answer")
        return super().run(array)


def test_a_target_that_hangs_is_waited_for_once() -> None:
    nets = {"fp32": NoAnswer("fp32"), "int8": Elsewhere("int8")}
    dataset = Numbers(2)
    predictor = Predictor(PredictionWork(dataset, Product(), lambda net, shape: nets[net]))
    with pytest.raises(TargetError, match="sample n1: target board: gave no answer"):
        predictor.run(Shard(0, dataset.samples, {"fp32": _key(), "int8": _key()}), lambda what: None)
    assert not [line for line in nets["int8"].log if line.startswith("run")]


def test_the_first_sample_that_fails_is_told() -> None:
    """Sample 2 cannot be read and is looked at while samples 0 and 1 are on their way."""
    nets = {"int8": Elsewhere("int8")}
    dataset = OneMissing(7)
    predictor = Predictor(PredictionWork(dataset, Product(), lambda net, shape: nets[net]))
    with pytest.raises(DatasetError, match="sample n2: gone"):
        predictor.run(Shard(0, dataset.samples, {"int8": _key()}), lambda what: None)
    assert [line for line in nets["int8"].log if line.startswith("run")] == ["run 0", "run 1"]
    assert nets["int8"].log[-1] == "forget"
    later = Shard(1, dataset.samples[3:], {"int8": _key()})
    with pytest.raises(RunnerError, match="sample n5: five is too much"):
        predictor.run(later, lambda what: None)


class Here:
    """A net of this process, which fails at some numbers; writes down what it runs."""

    def __init__(self, net: Net, log: list[str], *fails: int) -> None:
        self._net = net
        self._log = log
        self._fails = fails

    def run(self, array: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        number = int(array.item())
        self._log.append(f"{self._net} {number}")
        if number in self._fails:
            raise RunnerError(f"{self._net} takes no {number}")
        return {"out": array * FACTOR[self._net]}

    def close(self) -> None:
        """Nothing to free."""


def _run_here(dataset: Numbers, log: list[str], note: Note, **fails: tuple[int, ...]) -> dict[Net, StoredShard]:
    nets: dict[Net, Runner] = {net: Here(net, log, *fails.get(net, ())) for net in SIDES}
    predictor = Predictor(PredictionWork(dataset, Product(), lambda name, shape: nets[name]))
    return predictor.run(Shard(0, dataset.samples, dict.fromkeys(SIDES, _key())), note)


def test_small_inputs_go_through_one_net_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_quant.evaluation.predictor.TOGETHER_BYTES", 3 * 4)  # three float32
    log: list[str] = []
    found = _run_here(Numbers(4), log, log.append)
    loading, reading = ["sample n0", "fp32: loading the net", "int8: loading the net"], ["sample n1", "sample n2"]
    assert log[:6] == [*loading, "sample n0", *reading]
    first = [line for net in SIDES for number in range(3) for line in (f"sample n{number}, {net}", f"{net} {number}")]
    assert log[6:18] == first
    assert log[18:] == ["sample n3", "sample n3, fp32", "fp32 3", "sample n3, int8", "int8 3"]
    assert {net: stored.arrays["values"].tolist() for net, stored in found.items()} == {
        "fp32": [0, 2, 4, 6],
        "int8": [0, 3, 6, 9],
    }


def test_an_input_that_is_not_small_goes_through_all_nets_before_the_next_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pytest_quant.evaluation.predictor.TOGETHER_BYTES", 4)
    log: list[str] = []
    _run_here(Numbers(2), log, lambda what: None)
    assert log == ["fp32 0", "int8 0", "fp32 1", "int8 1"]


@pytest.mark.parametrize(
    ("dataset", "fp32", "int8", "told"),
    [
        (Numbers(6), (4,), (2,), "sample n2: int8 takes no 2"),
        (Numbers(6), (2,), (4,), "sample n2: fp32 takes no 2"),
        (Numbers(6), (3,), (3,), "sample n3: fp32 takes no 3"),
        (OneMissing(6), (), (), "sample n2: gone"),
        (OneMissing(6), (3,), (1,), "sample n1: int8 takes no 1"),
    ],
)
def test_the_error_is_that_of_the_first_sample_whichever_net_came_upon_it(
    dataset: Numbers, fp32: tuple[int, ...], int8: tuple[int, ...], told: str
) -> None:
    with pytest.raises((DatasetError, RunnerError), match=told):
        _run_here(dataset, [], lambda what: None, fp32=fp32, int8=int8)


def _key() -> ShardKey:
    return ShardKey("net", "samples")
