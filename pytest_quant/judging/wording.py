"""The formulas of verdicts in words, with their values."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.planning import samples_to_settle
from pytest_quant.judging.limits.drop import DropLimit
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.verdict import Decision
from pytest_quant.tasks.base import MetricPair


@dataclass(frozen=True)
class DropWords:
    """What the two forms of a tolerance have in common: what was measured, and what came of it."""

    pair: MetricPair
    measurement: Measurement
    interval: Interval
    decision: Decision
    confidence: float

    def absolute(self, limit: DropLimit, drop: float, excess: Interval) -> str:
        """``drop = 71.86 - 71.43 = 0.43 points (90% CI ...) <= 1.00``."""
        metric = self.pair.metric
        return (
            f"{self._drop()} {evidence(metric, self.interval, self.measurement)} {self._sign()} "
            f"{metric.number(limit.amount)}"
            f"{undecided(self.decision, self.measurement, drop - limit.amount, excess, self.confidence)}"
        )

    def relative(self, limit: DropLimit, contrast: float, allowed: float, excess: Interval) -> str:
        """``drop = ... <= 1 % of fp32 = 0.80 points; 0.99 * fp32 - int8 = ... <= 0``."""
        metric, scaled = self.pair.metric, f"{limit.retain:g} * fp32"
        formula = f"{scaled} - int8" if metric.higher_is_better else f"int8 - {scaled}"
        return (
            f"{self._drop()} {self._sign()} {100 * limit.amount:g} % of fp32 = {metric.difference(allowed)}; "
            f"{formula} = {metric.number(contrast)} {evidence(metric, self.interval, self.measurement)} "
            f"{self._sign()} 0{undecided(self.decision, self.measurement, contrast, excess, self.confidence)}"
        )

    def _drop(self) -> str:
        pair, metric = self.pair, self.pair.metric
        fp32, int8 = metric.number(pair.fp32), metric.number(pair.int8)
        values = f"{fp32} - {int8}" if metric.higher_is_better else f"int8 - fp32 = {int8} - {fp32}"
        return f"drop = {values} = {metric.difference(pair.drop)}"

    def _sign(self) -> str:
        return sign(self.decision, "<=", ">")


def evidence(metric: Metric, interval: Interval, measurement: Measurement) -> str:
    """Interval and samples: ``(90% CI 0.20 to 0.66, n = 10000 of 10000)``."""
    low, high = metric.number(interval.low), metric.number(interval.high)
    look = measurement.look
    seen = "" if look is None or measurement.is_whole else f"look {look.number} of {look.count}, "
    how = f", {seen}approximate" if seen and interval.method.startswith("approximate") else seen and f", {seen}"[:-2]
    samples = f"n = {measurement.evaluated} of {measurement.total}"
    return f"({100 * interval.level:.4g}% CI {low} to {high}{how}, {samples})"


def sign(decision: Decision, kept: str, broken: str) -> str:
    """How value and limit compare, as far as it is decided."""
    return {"pass": kept, "fail": broken}.get(decision, "?")


def undecided(decision: Decision, measurement: Measurement, excess: float, bounds: Interval, confidence: float) -> str:
    """What an inconclusive verdict says: how many samples would settle it, should the measured value stay as it is."""
    if decision != "inconclusive":
        return ""
    evaluated, total = measurement.evaluated, measurement.total
    needed = samples_to_settle(excess, bounds, 0.0, n=evaluated, population=total)
    return (
        f": {evaluated} of {total} samples do not decide it at {100 * confidence:g} % confidence, "
        f"about {needed} would (--quant-samples {needed})"
    )
