"""How much each class loses, and which of them surely keep or break an allowed drop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_quant.evidence.family import confidence_of_each, holm
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.planning import samples_to_settle
from pytest_quant.judging.evidence import drop_interval
from pytest_quant.judging.intervals import population_of, remembered
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.verdict import Decision
from pytest_quant.tasks.base import ClassScore, Resampled

if TYPE_CHECKING:
    from pytest_quant.evaluation.measurement import Measurement

LEAST_SAMPLES = 5
"""A class that fewer of the evaluated samples hold is listed, not judged."""

_SLACK = 1e-9
"""In the metric's unit: an allowed drop in decimals must not be missed by a rounding error."""


@dataclass(frozen=True)
class Allowed:
    """How much worse than fp32 a class may be: an amount in the metric's unit, or a share of its fp32 value."""

    amount: float
    retain: float = 1.0
    """The multiple of fp32 that must be kept, for a relative one; the amount is 0 then."""


@dataclass(frozen=True)
class ClassDrops:
    """The classes of a measurement in one metric, those that lose most first."""

    measurement: Measurement
    metric: Metric
    judged: tuple[ClassScore, ...]
    few: tuple[ClassScore, ...]
    """With fewer than `LEAST_SAMPLES` samples."""

    @classmethod
    def of(cls, measurement: Measurement, metric: Metric) -> ClassDrops:
        """The classes that the evaluated samples hold."""
        found = measurement.comparison.class_scores(metric.name)
        ordered = sorted(found, key=lambda one: -one.pair.drop)
        judged = tuple(one for one in ordered if one.samples >= LEAST_SAMPLES)
        return cls(measurement, metric, judged, tuple(one for one in found if one.samples < LEAST_SAMPLES))

    def excess(self, one: ClassScore, allowed: Allowed) -> float:
        """By how much a class drops more than it may; below 0 where it keeps it."""
        value = one.pair.drop if allowed.retain == 1.0 else one.pair.contrast(allowed.retain)
        return value - allowed.amount

    def bounds(self, one: ClassScore, allowed: Allowed, confidence: float) -> Interval:
        """Of that excess on the whole dataset, each bound at one-sided ``confidence``."""
        found = remembered(
            self.measurement,
            (self.metric.name, "class", one.name, confidence, allowed.retain),
            lambda: drop_interval(
                one.pair,
                population=self._population(one),
                confidence=confidence,
                retain=allowed.retain,
                sequential=self.measurement.sequential,
            ),
        )
        return found.minus(allowed.amount)

    def _population(self, one: ClassScore) -> int | None:
        """Of a class's samples in the dataset: counted where each sample is of one class, else images of any kind."""
        measurement = self.measurement
        if isinstance(one.pair.evidence, Resampled) or measurement.is_whole:
            return population_of(measurement, one.pair)
        at_this_rate = round(one.samples * measurement.total / measurement.evaluated)
        return max(one.samples, measurement.class_totals.get(one.name, at_this_rate))

    def decisions(self, allowed: Allowed, confidence: float) -> list[Decision]:
        """Of each judged class; on a subset with Holm's correction over the classes, in either direction."""
        if self.measurement.is_whole:
            return ["pass" if self.excess(one, allowed) <= _SLACK else "fail" for one in self.judged]

        def is_kept(index: int, own: float) -> bool:
            return self.bounds(self.judged[index], allowed, own).high <= _SLACK

        def is_broken(index: int, own: float) -> bool:
            return self.bounds(self.judged[index], allowed, own).low > _SLACK

        kept, broken = (holm(claim, len(self.judged), confidence) for claim in (is_kept, is_broken))
        return [
            "fail" if index in broken else "pass" if index in kept else "inconclusive"
            for index in range(len(self.judged))
        ]

    def samples_needed(self, undecided: Sequence[ClassScore], allowed: Allowed, confidence: float) -> int:
        """How many samples of the dataset would settle these classes, should their values stay as they are."""
        measurement, needed = self.measurement, 0
        for one in undecided:
            bounds = self.bounds(one, allowed, confidence_of_each(confidence, len(undecided)))
            own = one.pair.evidence.images if isinstance(one.pair.evidence, Resampled) else one.samples
            settled = samples_to_settle(self.excess(one, allowed), bounds, 0.0, n=own, population=self._population(one))
            needed = max(needed, round((settled or own) * measurement.evaluated / own))
        return min(max(needed, measurement.evaluated), measurement.total)
