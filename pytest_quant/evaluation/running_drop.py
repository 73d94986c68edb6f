"""The drop while an evaluation is on, of metrics that no sum over shards gives: scored again now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Generic

import numpy as np

from pytest_quant.evaluation.engine.events import DropSoFar
from pytest_quant.evaluation.engine.work import S
from pytest_quant.evidence.bootstrap import Recompute, bootstrap_standard_error
from pytest_quant.spec.errors import QuantError
from pytest_quant.tasks.base import Comparison, MetricPair, Resampled, SampleScores

FIRST_S, EVERY_S = 2.0, 3.0
"""The first score is not before the one, the others at least the other apart."""
SHARE = 0.02
"""Of the time of the job, that all of the scores together may take."""
_GROWTH = 1.25
"""A score of fewer samples than are done has to be of so many times as many as the last one."""
_LEAST_IMAGES = 10
"""With fewer the spread among them says next to nothing."""


class RunningDrop(Generic[S]):
    """Scores what is done of one job; used by the thread that runs it.

    Each score takes all shards that are done, or the first of them where their scoring would take too long.
    """

    def __init__(
        self, metric: str, compare: Callable[[Sequence[S]], Comparison], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """``metric``: the one to follow, if the comparison has it, else its first."""
        self._metric = metric
        self._compare = compare
        self._clock = clock
        self._start_s = self._last_s = clock()
        self._done: dict[int, S] = {}
        self._samples = 0
        self._scored = 0
        self._spent_s = 0.0
        self._per_sample_s: float | None = None

    def __call__(self, shard: S) -> DropSoFar | None:
        """Take note of a shard that is done; gives the drop where it is time to score it."""
        if shard.index not in self._done:
            self._done[shard.index] = shard
            self._samples += shard.sample_count
        shards = self._affordable()
        return self._score(shards) if shards else None

    def _affordable(self) -> list[S]:
        """The shards that there is time to score; none: later."""
        now_s = self._clock()
        if now_s - self._start_s < FIRST_S or now_s - self._last_s < (EVERY_S if self._spent_s else 0):
            return []
        done = [shard for _, shard in sorted(self._done.items())]
        if self._per_sample_s is None:
            return done[:1]  # which tells what a sample takes
        room = (SHARE * (now_s - self._start_s) - self._spent_s) / max(self._per_sample_s, 1e-9)
        found, count = [], 0
        for shard in done:
            if count + shard.sample_count > room:
                break
            found.append(shard)
            count += shard.sample_count
        is_news = count == self._samples > self._scored or count >= _GROWTH * max(self._scored, 1)
        return found if is_news else []

    def _score(self, shards: Sequence[S]) -> DropSoFar | None:
        begun_s = self._clock()
        samples = sum(shard.sample_count for shard in shards)
        try:
            comparison = self._compare(shards)
            found = _drop(comparison.metrics.get(self._metric), samples)
        except (QuantError, ValueError, ArithmeticError):  # too few samples for the metric to mean anything
            found = None
        self._last_s = self._clock()
        self._spent_s += self._last_s - begun_s
        self._per_sample_s = (self._last_s - begun_s) / samples
        self._scored = samples
        return found


def _drop(pair: MetricPair | None, samples: int) -> DropSoFar | None:
    """None where there are too few images to say anything: without bounds a drop of theirs would only mislead."""
    if pair is None or not np.isfinite(pair.drop) or _images(pair) < _LEAST_IMAGES:
        return None
    metric = pair.metric
    return DropSoFar(metric.name, metric.unit, metric.maximum, samples, pair.drop, _standard_error(pair))


def _images(pair: MetricPair) -> int:
    evidence = pair.evidence
    return evidence.images if isinstance(evidence, Resampled) else evidence.fp32.size


def _standard_error(pair: MetricPair) -> float | None:
    evidence = pair.evidence
    if isinstance(evidence, Resampled):
        scale = pair.metric.maximum or max(abs(pair.fp32), abs(pair.int8))
        return bootstrap_standard_error(_difference(evidence), scale=scale, images=evidence.images)
    if isinstance(evidence, SampleScores):
        spread = float(np.std(evidence.fp32 - evidence.int8, ddof=1))
        return spread / float(np.sqrt(evidence.fp32.size)) if spread else None
    return None


def _difference(evidence: Resampled) -> Recompute:
    return lambda counts: evidence.fp32(counts) - evidence.int8(counts)
