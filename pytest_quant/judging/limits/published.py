"""``published``: a number that somebody published must come out again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pytest_quant.judging.limits.base import MetricLimit, ZooKeys
from pytest_quant.judging.limits.written import Keys, Written, placed
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.net import SIDES, Net
from pytest_quant.spec.number import finite_number, half_last_digit, metric_value, share_of_range
from pytest_quant.spec.text import listed
from pytest_quant.spec.verdict import Decision, Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.evaluation.measurement import Measurement
    from pytest_quant.judging.subject import Subject

PUBLISHED_WITHIN_PCT = 0.1
"""Default distance of a published value, in percent of the metric's range: 0.1 points, or 0.001 of a fraction; of the
value itself where the metric has no range."""

_ROUNDING = 1e-9
"""In the metric's unit: a difference that is the allowed one in decimals must not miss it by a rounding error."""


@dataclass(frozen=True)
class Published(MetricLimit):
    """A number somebody published for a net of a model; it may be missed in either direction."""

    kind: ClassVar[str] = "published"
    is_estimate: ClassVar[bool] = True
    certain_decisions: ClassVar[tuple[Decision, ...]] = ("fail",)
    """A number that is not refuted is met."""
    zoo_keys: ClassVar[ZooKeys] = {"published": (dict[Literal["fp32", "int8"], dict[str, object]], {})}

    side: Net
    """fp32, int8, or a further net."""
    value: float
    within: float
    """Allowed difference in the metric's own unit, half of the last printed digit included."""
    samples: int | None = None
    """How many samples the published number was measured on; None: the whole dataset."""

    @property
    def name(self) -> str:
        """Such as ``published[fp32.top1]``."""
        return f"published[{self.side}.{self.metric.name}]"

    @property
    def net(self) -> Net:
        """The further net; else int8, beside which fp32 is measured."""
        return "int8" if self.side in SIDES else self.side

    @property
    def keys(self) -> tuple[str, ...]:
        """Such as ``published.fp32.top1``, or ``nets.NET.published.top1``."""
        if self.side in SIDES:
            return self.kind, self.side, self.metric.name
        return "nets", self.side, self.kind, self.metric.name

    @property
    def recorded(self) -> float:
        """The published value."""
        return self.value

    @classmethod
    def parse(cls, metric: Metric, side: Net, raw: object) -> Self:
        """A number, or ``{value: ..., samples: ..., within: ...}``; raises `ConfigError` without a place.

        ``within`` replaces `PUBLISHED_WITHIN_PCT`; half of the last printed digit is added to either.
        """
        entry: Mapping[str, object] = raw if isinstance(raw, Mapping) else {"value": raw}
        unknown = sorted(map(str, set(entry) - {"value", "samples", "within"}))
        if unknown:
            raise ConfigError(f"unknown key {listed(unknown)}; known keys: value, samples, within")
        if "value" not in entry:
            raise ConfigError(f"found {dict(entry)!r}, expected the key `value`")
        samples = entry.get("samples")
        if samples is not None and (not isinstance(samples, int) or isinstance(samples, bool) or samples < 1):
            raise ConfigError(f"samples: found {samples!r}, expected a whole number of 1 or more")
        own = finite_number(entry["within"]) if "within" in entry else None
        if own is not None and own < 0:
            raise ConfigError(f"within: found {entry['within']!r}, expected 0 or more")
        value = metric_value(metric, entry["value"])
        within = share_of_range(metric, PUBLISHED_WITHIN_PCT, value) if own is None else own
        return cls(metric, side, value, within + half_last_digit(entry["value"]), samples)

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """One per side and metric under the key, and per metric of each further net."""
        for side, values in written.get("published").items():
            yield from cls._of_net(written, side, ("published", side), values)
        for net, keys, values in written.of_nets("published"):
            yield from cls._of_net(written, net, (*keys, "published"), values)

    @classmethod
    def _of_net(cls, written: Written, net: Net, keys: Keys, values: Mapping[str, object]) -> Iterator[Self]:
        for name, raw in values.items():
            place = written.place((*keys, name))
            metric = written.metric(name, place)
            with placed(place):
                yield cls.parse(metric, net, raw)

    def judge(self, subject: Subject) -> Verdict:
        """Near it, or on a subset within the interval of the measured value."""
        verdict = self.of_measured(subject.measurement(self.net), subject.confidence)
        if verdict.decision != "fail" or self.side != "fp32":
            return verdict
        restored = subject.restoring()
        return verdict if restored is None else replace(verdict, reason=f"{verdict.reason}; {restored.text}")

    def of_measured(self, measurement: Measurement, confidence: float) -> Verdict:
        """The verdict on a measurement; ``confidence`` is one-sided and matters where a side is a subset."""
        from pytest_quant.judging.intervals import measured_score, pair_of

        pair = pair_of(measurement, self.metric)
        metric = pair.metric
        measured = pair.fp32 if self.side == "fp32" else pair.int8
        difference = abs(measured - self.value)
        near = difference <= self.within + _ROUNDING
        on_samples = "" if self.samples is None else f" on {self.samples} samples"
        reason = (
            f"{self.side} {metric.name} = {metric.number(measured)} (n = {measurement.evaluated} of "
            f"{measurement.total}), published {metric.number(self.value)}{on_samples}: they differ by "
            f"{metric.difference(difference)} {'<=' if near else '>'} {metric.number(self.within)}"
        )
        published_on_subset = self.samples is not None and self.samples < measurement.total
        if near or (measurement.is_whole and not published_on_subset):
            return Verdict("pass" if near else "fail", reason, value=measured, limit=self.value)
        # Both sides count against it, so each bound gets half of the error.
        interval = measured_score(measurement, pair, "fp32" if self.side == "fp32" else "int8", (1 + confidence) / 2)
        inside = self.value in interval
        reason += (
            f"; on a subset, so it is held against the {100 * interval.level:.4g}% CI of the measured value, "
            f"{metric.number(interval.low)} to {metric.number(interval.high)}: {'inside' if inside else 'outside'}"
        )
        return Verdict("pass" if inside else "fail", reason, value=measured, limit=self.value)
