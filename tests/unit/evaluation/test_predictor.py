"""Nets that compute elsewhere get the inputs of later samples beforehand, and nothing else changes by it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.evaluation.evaluate import PredictionWork, Shard
from pytest_quant.evaluation.predictor import Predictor
from pytest_quant.evaluation.store import ShardKey
from pytest_quant.nets.base import LooksAhead, Runner
from pytest_quant.spec.errors import DatasetError, RunnerError
from pytest_quant.spec.net import Net
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


def test_a_net_of_this_process_gets_one_sample_at_a_time() -> None:
    read: list[str] = []

    class Here:
        def run(self, array: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
            read.append(f"run {int(array.item())}")
            return {"out": array}

        def close(self) -> None:
            """Nothing to free."""

    net: Runner = Here()
    assert not isinstance(net, LooksAhead)
    dataset = Numbers(2)
    predictor = Predictor(PredictionWork(dataset, Product(), lambda name, shape: net))
    predictor.run(Shard(0, dataset.samples, {"int8": _key()}), read.append)
    assert read[:2] == ["sample n0", "int8: loading the net"]
    assert read[2:] == ["sample n0", "sample n0, int8", "run 0", "sample n1", "sample n1, int8", "run 1"]


def _key() -> ShardKey:
    return ShardKey("net", "samples")
