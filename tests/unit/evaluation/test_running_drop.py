"""The drop while an evaluation is on: how often it is scored, on what, and with which bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.evaluation.engine.events import DropSoFar
from pytest_quant.evaluation.running_drop import RunningDrop
from pytest_quant.evidence.bootstrap import bootstrap_interval
from pytest_quant.evidence.score import normal_quantile
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import Comparison, Flips, MetricPair, Recompute, Resampled, SampleScores

RATIO = Metric("hmean", "fraction")
SHARD = 10


@dataclass(frozen=True)
class Shard:
    index: int
    sample_count: int = SHARD


def resampled(images: int) -> MetricPair:
    """The share of found regions, of which int8 misses those of every fifth image."""
    truths = np.random.default_rng(0).integers(1, 5, images)
    kept = truths * (np.arange(images) % 5 > 0)

    def share(found: NDArray[np.int64]) -> Recompute:
        return lambda counts: (counts @ found) / (counts @ truths)

    return MetricPair(RATIO, 1.0, kept.sum() / truths.sum(), Resampled(images, share(truths), share(kept)))


@dataclass
class Job:
    """Shards that come in by a clock of their own, on which a sample takes so long to score."""

    per_sample_s: float
    now_s: float = 0.0
    spent_s: float = 0.0
    scored: list[int] = field(default_factory=list)

    def compare(self, shards: Sequence[Shard]) -> Comparison:
        count = sum(shard.sample_count for shard in shards)
        assert [shard.index for shard in shards] == list(range(len(shards)))
        self.scored.append(count)
        self.spent_s += self.per_sample_s * count
        self.now_s += self.per_sample_s * count
        return Comparison({"hmean": resampled(count)}, Flips(0, 0, 100.0))

    def run(self, shards: int, every_s: float) -> list[DropSoFar]:
        running = RunningDrop("hmean", self.compare, lambda: self.now_s)
        found = []
        for index in range(shards):
            self.now_s += every_s
            found.append(running(Shard(index)))
        return [one for one in found if one is not None]


def test_what_is_cheap_takes_all_that_is_done() -> None:
    job = Job(per_sample_s=1e-6)
    found = job.run(shards=200, every_s=0.5)
    assert found[-1].samples > 1950
    assert len(found) <= 100 / 3 + 1
    assert found[-1].drop == pytest.approx(resampled(found[-1].samples).drop)


@pytest.mark.parametrize("per_sample_s", [1e-4, 1e-3, 1e-2, 1.0])
def test_scoring_takes_a_fiftieth_of_the_time_at_most(per_sample_s: float) -> None:
    job = Job(per_sample_s)
    job.run(shards=400, every_s=0.2)
    first = SHARD * per_sample_s  # which alone is not known before
    assert job.spent_s <= max(0.02 * job.now_s + 1e-9, first)
    assert job.scored[0] == SHARD
    assert all(later > sooner for sooner, later in zip(job.scored[1:], job.scored[2:], strict=False))
    assert len(job.scored) > 2 or per_sample_s > 1e-3


def test_short_jobs_are_left_alone() -> None:
    job = Job(per_sample_s=1e-6)
    assert job.run(shards=19, every_s=0.1) == []
    assert job.scored == []


def test_bounds_are_those_of_the_verdict_but_for_the_number_of_resamples() -> None:
    (*_, last) = Job(per_sample_s=1e-6).run(shards=100, every_s=1.0)
    pair = resampled(last.samples)
    assert isinstance(pair.evidence, Resampled)
    fp32, int8 = pair.evidence.fp32, pair.evidence.int8
    whole = bootstrap_interval(
        lambda counts: fp32(counts) - int8(counts), scale=1.0, images=last.samples, population=None, confidence=0.95
    )
    assert last.standard_error is not None
    assert 2 * normal_quantile(0.95) * last.standard_error == pytest.approx(whole.high - whole.low, rel=0.3)


def test_a_few_images_say_nothing() -> None:
    pair = resampled(9)
    running: RunningDrop[Shard] = RunningDrop("hmean", lambda _: Comparison({"hmean": pair}, Flips(0, 0, 1)), Clock())
    assert [running(Shard(index)) for index in range(20)] == [None] * 20


def test_scores_of_single_samples() -> None:
    scores = np.linspace(0, 1, 20, dtype=np.float64)
    pair = MetricPair(Metric("nme", "px"), 0.5, 0.4, SampleScores(scores, scores * 0.8))
    running: RunningDrop[Shard] = RunningDrop("nme", lambda _: Comparison({"nme": pair}, Flips(0, 0, 1)), Clock())
    found = running(Shard(0, 20))
    assert found is not None
    assert found.drop == pytest.approx(0.1)
    assert (found.unit, found.maximum) == ("px", None)
    assert found.standard_error == pytest.approx(np.std(0.2 * scores, ddof=1) / np.sqrt(20))


def test_samples_without_what_the_metric_measures_say_nothing_yet() -> None:
    def compare(shards: Sequence[Shard]) -> Comparison:
        if len(shards) < 3:
            raise DatasetError("no object")
        return Comparison({"hmean": resampled(30)}, Flips(0, 0, 1))

    now_s = iter(range(10, 100, 10))
    clock = Clock(0.0)
    running: RunningDrop[Shard] = RunningDrop("hmean", compare, clock)
    found = []
    for index in range(6):
        clock.now_s = next(now_s)
        found.append(running(Shard(index)))
    assert found[:2] == [None, None]
    assert found[-1] is not None


class Clock:
    """Goes on by so much whenever it is looked at."""

    def __init__(self, step_s: float = 5.0) -> None:
        self.now_s, self.step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s
