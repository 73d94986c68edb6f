"""``floor``: the least allowed int8 value, or the largest where lower is better."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_quant.judging.limits.base import MetricLimit, ZooKeys, shown_value
from pytest_quant.judging.limits.written import Keyword, Written, named, placed
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.number import metric_value
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.evaluation.measure import Measurement
    from pytest_quant.judging.sample_test import SampleTest
    from pytest_quant.judging.subject import Subject


@dataclass(frozen=True)
class Floor(MetricLimit):
    """The least allowed int8 value; of a metric of which less is better the largest, a ceiling."""

    kind: ClassVar[str] = "floor"
    stops_early: ClassVar[bool] = True
    zoo_keys: ClassVar[ZooKeys] = {"floor": (dict[str, Any], {})}
    marker: ClassVar[str | None] = "quant_floor"
    marker_example: ClassVar[str] = "top1=94.0"

    value: float
    """In the metric's own unit."""

    @property
    def name(self) -> str:
        """Such as ``floor[top1]``."""
        return f"floor[{self.metric.name}]"

    @property
    def recorded(self) -> float:
        """The value."""
        return self.value

    @classmethod
    def shown(cls, metric: Metric, value: object) -> str:
        """Such as ``int8 >= 70.00``."""
        return f"int8 {'>=' if metric.higher_is_better else '<='} {shown_value(metric, value)}"

    @classmethod
    def parse(cls, metric: Metric, raw: Any) -> Self:
        """A value in the metric's own unit; raises `ConfigError` without a place."""
        return cls(metric, metric_value(metric, raw))

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """One per metric under the key."""
        for name, raw in written.get("floor").items():
            place = written.place(("floor", name))
            metric = written.metric(name, place)
            with placed(place):
                yield cls.parse(metric, raw)

    @classmethod
    def of_keyword(cls, keyword: Keyword, metric: Metric | None) -> Self:
        """``@quant_floor(top1=94.0)``."""
        with placed(keyword.place):
            return cls.parse(named(metric), keyword.value)

    def judge(self, subject: Subject) -> Verdict:
        """Hold the int8 value against it; on a subset its interval, or the sequential test."""
        return self.of_measured(subject.measurement(), subject.confidence)

    def of_measured(self, measurement: Measurement, confidence: float) -> Verdict:
        """The verdict on a measurement; ``confidence`` is one-sided and matters where a subset was evaluated."""
        from pytest_quant.judging.decision import decision
        from pytest_quant.judging.intervals import measured_score, pair_of
        from pytest_quant.judging.wording import evidence, sign, undecided

        pair = pair_of(measurement, self.metric)
        metric, interval = pair.metric, measured_score(measurement, pair, "int8", confidence)
        if metric.higher_is_better:
            kept, broken, holds = ">=", "<", pair.int8 >= self.value
            missed_by, excess = self.value - pair.int8, interval.minus(self.value).negated
        else:
            kept, broken, holds = "<=", ">", pair.int8 <= self.value
            missed_by, excess = pair.int8 - self.value, interval.minus(self.value)
        found = decision(self, measurement, pair, holds=holds, excess=excess, confidence=confidence)
        reason = (
            f"int8 {metric.name} = {metric.number(pair.int8)} {evidence(metric, interval, measurement)} "
            f"{sign(found, kept, broken)} {metric.number(self.value)}"
            f"{undecided(found, measurement, missed_by, excess, confidence)}"
        )
        return Verdict(found, reason, value=pair.int8, limit=self.value)

    def sample_test(self, population: int, confidence: float) -> SampleTest | None:
        """Of whether int8 keeps it on the whole dataset, for metrics that samples one by one can decide."""
        from pytest_quant.judging.sample_test import floor_test

        if not self.metric.is_mean_of_bounded:
            return None
        return floor_test(self.metric, self.value, population=population, confidence=confidence)
