"""The largest allowed drop: what the tolerances of int8 and of further nets have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import MetricLimit, shown_value
from pytest_quant.judging.limits.written import MAX_TOLERANCE_PCT
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.number import finite_number
from pytest_quant.spec.verdict import Decision, Verdict

if TYPE_CHECKING:
    from pytest_quant.evaluation.measurement import Measurement
    from pytest_quant.judging.sample_test import SampleTest
    from pytest_quant.judging.subject import Subject

_ROUNDING = 1e-9
"""Slack, in samples, for a limit that a multiplication made: a relative tolerance."""


@dataclass(frozen=True)
class DropLimit(MetricLimit):
    """How much worse than fp32 a net may be: fp32 minus it where higher is better, it minus fp32 where lower is."""

    is_estimate: ClassVar[bool] = True
    stops_early: ClassVar[bool] = True

    amount: float
    """In the metric's own unit; for a relative one a share of the fp32 value (0.01 is 1 %)."""
    relative: bool = False

    @property
    def recorded(self) -> float | str:
        """The amount in the metric's own unit, or percent of fp32 in words."""
        return f"{100 * self.amount:g}%" if self.relative else self.amount

    @property
    def retain(self) -> float:
        """The multiple of the fp32 value at which the limit is reached, for a relative one; 1 for the plain drop."""
        if not self.relative:
            return 1.0
        return 1 - self.amount if self.metric.higher_is_better else 1 + self.amount

    @classmethod
    def shown(cls, metric: Metric, value: object) -> str:
        """Such as ``drop <= 1.00``."""
        return f"drop <= {shown_value(metric, value)}"

    @property
    def takes_looks(self) -> bool:
        """Its bounds are of the measurement alone. A metric without a maximum: one unseen sample could be anything."""
        return self.metric.maximum is not None

    def decision_at_look(self, measurement: Measurement, confidence: float) -> Decision:
        """That of the verdict."""
        return self.of_measured(measurement, confidence).decision

    def judge(self, subject: Subject) -> Verdict:
        """Hold the measured drop against it; on a subset its interval, or the sequential test."""
        return self.of_measured(
            subject.measurement(self.net),
            subject.confidence,
            sanity_tells=subject.expected.decides(subject.model, "sanity"),
        )

    def of_measured(self, measurement: Measurement, confidence: float, *, sanity_tells: bool = False) -> Verdict:
        """The verdict on a measurement; ``confidence`` is one-sided and matters where a subset was evaluated.

        ``sanity_tells`` as in `drop_remarks`.
        """
        from pytest_quant.judging.decision import decision
        from pytest_quant.judging.intervals import measured_drop, pair_of
        from pytest_quant.judging.remarks import drop_remarks
        from pytest_quant.judging.wording import DropWords

        pair = pair_of(measurement, self.metric)
        interval = measured_drop(measurement, pair, confidence, self.retain)
        allowed = self.amount * pair.fp32 if self.relative else self.amount
        # What must not exceed 0: the drop less the amount, or (1 - r) * fp32 - int8, on the scale of the interval.
        value = pair.contrast(self.retain) if self.relative else pair.drop
        limit = 0.0 if self.relative else self.amount
        scale = max(abs(pair.fp32), abs(pair.int8)) if self.metric.maximum is None else self.metric.maximum
        slack = _ROUNDING * scale / measurement.evaluated if self.relative else 0.0
        excess = interval.minus(limit)
        found = decision(self, measurement, pair, holds=value <= limit + slack, excess=excess, confidence=confidence)
        words = DropWords(pair, measurement, interval, found, confidence)
        reason = words.relative(self, value, allowed, excess) if self.relative else words.absolute(self, value, excess)
        remarks = drop_remarks(self, measurement, sanity_tells=sanity_tells)
        return Verdict(found, reason, pair.drop, allowed, warnings=remarks)

    def sample_test(self, population: int, confidence: float) -> SampleTest | None:
        """Of whether the drop on the whole dataset is within it, for metrics that samples one by one can decide."""
        from pytest_quant.judging.sample_test import drop_test

        if not self.metric.is_mean_of_bounded:
            return None
        return drop_test(
            self.metric,
            retain=self.retain,
            amount=0.0 if self.relative else self.amount,
            population=population,
            confidence=confidence,
        )

    def outlook(self, samples: int, total: int, seen: float | None, confidence: float) -> str | None:
        """The largest drop that the samples can prove to be within it."""
        from pytest_quant.judging.outlook import outlook_text

        if not self.metric.is_mean_of_hits:
            return None
        return outlook_text(self, samples=samples, total=total, seen=seen, confidence=confidence)


def parse_drop(metric: Metric, raw: object, max_tolerance_pct: float = MAX_TOLERANCE_PCT) -> tuple[float, bool]:
    """Amount, and whether it is relative to fp32: a number in the metric's own unit, or a string such as ``"1%"``.

    A metric without a maximum has no range of which an amount could be too much.

    >>> parse_drop(Metric("top1", "%"), 1.0), parse_drop(Metric("top1", "%"), "1%")
    ((1.0, False), (0.01, True))
    """
    relative = isinstance(raw, str)
    amount = _percentage(raw) if isinstance(raw, str) else finite_number(raw, "a number, or a string such as '1%'")
    if amount < 0:
        side = "fp32 - int8" if metric.higher_is_better else "int8 - fp32"
        raise ConfigError(
            f"found {raw!r}, expected 0 or more: a tolerance is the largest allowed drop {side}, "
            "and an int8 model that is better passes anyway"
        )
    if metric.maximum is None:
        if relative and amount >= 1:
            raise ConfigError(f"found {raw!r}, expected less than 100%: a drop of all of fp32 or more allows anything")
    else:
        share_pct = 100 * amount if relative else 100 * amount / metric.maximum
        if share_pct >= max_tolerance_pct:
            raise ConfigError(_too_large(metric, raw, share_pct, relative, max_tolerance_pct))
    return amount, relative


def _too_large(metric: Metric, raw: object, share_pct: float, relative: bool, max_tolerance_pct: float) -> str:
    of_what = "the fp32 value" if relative else f"the range 0 to {metric.maximum:g}"
    return (
        f"found {raw!r}, which is {share_pct:g} % of {of_what}: probably a unit mistake. "
        f"A tolerance of {metric.name} is given {_unit_in_words(metric)} and must stay below {max_tolerance_pct:g} % "
        "of the range; the ini option quant_max_tolerance sets that share in percent"
    )


def _unit_in_words(metric: Metric) -> str:
    """The unit of a tolerance, with an example where its numbers are known."""
    if metric.unit not in ("%", "fraction"):
        return f"in {metric.unit}" if metric.unit else "in the metric's own unit"
    change = "drop" if metric.higher_is_better else "rise"
    before, amount, digits = (80.0, 1.0, 1) if metric.unit == "%" else (0.8, 0.01, 3)
    after = before - amount if metric.higher_is_better else before + amount
    unit = "in percentage points" if metric.unit == "%" else "as a fraction"
    return f"{unit} ({amount} allows a {change} from {before:.{digits}f} to {after:.{digits}f})"


def _percentage(raw: str) -> float:
    text = raw.strip()
    try:
        if not text.endswith("%"):
            raise ValueError
        return finite_number(float(text[:-1]), "a percentage") / 100
    except ValueError:
        raise ConfigError(
            f"found {raw!r}, expected a number in the metric's own unit, or a string such as '1%' for a drop relative "
            "to fp32"
        ) from None
