"""A dataset, a pipeline and nets without pixels: a sample is a number, a net multiplies it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.engine.events import Listener
from pytest_quant.evaluation.evaluate import Evaluation, PredictionWork, Shard, SideResult, evaluate
from pytest_quant.evaluation.store import PredictionStore, ShardKey
from pytest_quant.nets.given import Given
from pytest_quant.spec.net import SIDES, Net
from pytest_quant.tasks.base import Comparison, Prepared, Run

FACTOR: Mapping[Net, float] = {"fp32": 2.0, "int8": 3.0}

Hook = Callable[[Net, int], None]
"""Called in each forward pass with the side and the sample's number."""


def nothing(side: Net, number: int) -> None:
    """The hook of a net that just works."""


class Numbers:
    """Sample ``n<i>`` holds the number ``i``."""

    def __init__(self, count: int) -> None:
        self.samples = tuple(Sample(f"n{index}", 0, index) for index in range(count))

    def read(self, sample: Sample, *, orient: bool = True) -> Image:
        return np.full((1, 1, 3), sample.source, np.uint8)

    def content(self, sample: Sample) -> bytes:
        return str(sample.source).encode()


class Product:
    """Prediction of a sample: its number times the net's factor."""

    def prepare(self, image: Image, sample: Sample) -> Prepared:
        return Prepared(image[..., 0].astype(np.float32), sample)

    def predict(self, run: Run, prepared: Prepared) -> float:
        return float(run(prepared.tensor)["out"].item())

    def pack(self, predictions: Sequence[float]) -> dict[str, NDArray[Any]]:
        return {"values": np.array(predictions, np.float64)}

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> list[float]:
        values: list[float] = arrays["values"].tolist()
        return values

    def compare(self, samples: Sequence[Sample], fp32: Sequence[float], int8: Sequence[float]) -> Comparison:
        raise NotImplementedError

    def conditions(self) -> dict[str, Any]:
        return {}

    def fingerprint(self) -> dict[str, Any]:
        return {}


class FakeNet:
    """Multiplies; counts its forward passes in the bench that opened it."""

    def __init__(self, bench: Bench, side: Net) -> None:
        self._bench = bench
        self._side = side

    def run(self, array: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        number = int(array.item())
        self._bench.note(self._side, number)
        self._bench.hook(self._side, number)
        return {"out": array * FACTOR[self._side]}

    def close(self) -> None:
        self._bench.closed.append(self._side)


@dataclass
class Bench:
    """Everything that an evaluation of fake nets takes, and what it did."""

    folder: Path
    shards: int = 4
    shard_size: int = 3
    cores: int = 2
    hook: Hook = nothing
    sides: Sequence[Net] = SIDES
    listener: Listener | None = None
    runs: Counter[tuple[Net, int]] = field(default_factory=Counter)
    opened: list[tuple[Net, str]] = field(default_factory=list)
    closed: list[Net] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.store = PredictionStore(self.folder / "store", self.folder / "locks")
        self.engine = Engine(CorePool(self.folder / "cores", self.cores), self.listener)

    def note(self, side: Net, number: int) -> None:
        with self._lock:
            self.runs[side, number] += 1

    def key(self, side: Net, index: int) -> ShardKey:
        return ShardKey(f"{side}-of-the-net", f"samples-{index}")

    def evaluation(self) -> Evaluation:
        dataset = Numbers(self.shards * self.shard_size)
        size = self.shard_size
        shards = [
            Shard(
                index,
                dataset.samples[index * size : (index + 1) * size],
                {side: self.key(side, index) for side in self.sides},
            )
            for index in range(self.shards)
        ]
        return Evaluation("numbers", PredictionWork(dataset, Product(), self._open), shards, self.sides)

    def evaluate(self) -> dict[Net, SideResult]:
        return evaluate(self.evaluation(), self.store, self.engine)

    def _open(self, side: Net, first: Given | None) -> FakeNet:
        assert isinstance(first, np.ndarray)
        assert first.shape == (1, 1)
        with self._lock:
            self.opened.append((side, threading.current_thread().name))
        return FakeNet(self, side)

    def expected(self, side: Net) -> list[float]:
        return [FACTOR[side] * number for number in range(self.shards * self.shard_size)]
