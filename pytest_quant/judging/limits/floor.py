"""``floor``: the least allowed value of int8 or of a further net, or the largest where lower is better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import MetricLimit, ZooKeys, shown_value
from pytest_quant.judging.limits.written import Keys, Keyword, Written, named, placed
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import SQNR_DB, Metric
from pytest_quant.spec.net import Net
from pytest_quant.spec.number import metric_value
from pytest_quant.spec.verdict import Decision, Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.evaluation.measurement import Measurement
    from pytest_quant.judging.part_subject import PartSubject
    from pytest_quant.judging.sample_test import SampleTest
    from pytest_quant.judging.subject import Subject


@dataclass(frozen=True)
class Floor(MetricLimit):
    """The least allowed value of a net; of a metric of which less is better the largest, a ceiling."""

    kind: ClassVar[str] = "floor"
    is_estimate: ClassVar[bool] = True
    stops_early: ClassVar[bool] = True
    zoo_keys: ClassVar[ZooKeys] = {"floor": (dict[str, object], {})}
    marker: ClassVar[str | None] = "quant_floor"
    marker_example: ClassVar[str] = "top1=94.0"
    takes_no_labels: ClassVar[bool] = True

    value: float
    """In the metric's own unit."""
    held: Net = "int8"
    """Whose value it is about."""

    @property
    def name(self) -> str:
        """Such as ``floor[top1]``, or ``floor[NET.top1]`` of a further net."""
        return f"floor[{'' if self.held == 'int8' else f'{self.held}.'}{self.metric.name}]"

    @property
    def net(self) -> Net:
        """int8, or the further net."""
        return self.held

    @property
    def keys(self) -> tuple[str, ...]:
        """Such as ``floor.top1``, or ``nets.NET.floor.top1`` of a further net."""
        return (*(() if self.held == "int8" else ("nets", self.held)), self.kind, self.metric.name)

    @property
    def recorded(self) -> float:
        """The value."""
        return self.value

    @classmethod
    def shown(cls, metric: Metric, value: object) -> str:
        """Such as ``int8 >= 70.00``."""
        return f"int8 {'>=' if metric.higher_is_better else '<='} {shown_value(metric, value)}"

    @classmethod
    def parse(cls, metric: Metric, raw: object, net: Net = "int8") -> Self:
        """A value in the metric's own unit; raises `ConfigError` without a place."""
        return cls(metric, metric_value(metric, raw), net)

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """One per metric under the key, of the model and of each further net."""
        yield from cls._of_net(written, "int8", (), written.get("floor"))
        for net, keys, values in written.of_nets("floor"):
            yield from cls._of_net(written, net, keys, values)

    @classmethod
    def _of_net(cls, written: Written, net: Net, keys: Keys, values: Mapping[str, object]) -> Iterator[Self]:
        for name, raw in values.items():
            place = written.place((*keys, "floor", name))
            metric = written.floor_metric(name, place)
            with placed(place):
                yield cls.parse(metric, raw, net)

    @classmethod
    def of_keyword(cls, keyword: Keyword, metric: Metric | None) -> Self:
        """``@quant_floor(top1=94.0)``."""
        with placed(keyword.place):
            return cls.parse(named(metric), keyword.value)

    def gather(self, part: PartSubject) -> None:
        """The predictions, and the raw outputs where it is about them."""
        part.predictions(self.net)
        if self.metric == SQNR_DB:
            part.outputs("fp32", self.net)

    @property
    def takes_looks(self) -> bool:
        """Its bounds are of the measurement alone. A metric without a maximum: one unseen sample could be anything."""
        return self.metric.maximum is not None

    def decision_at_look(self, measurement: Measurement, confidence: float) -> Decision:
        """That of the verdict."""
        return self.of_measured(measurement, confidence).decision

    def judge(self, subject: Subject) -> Verdict:
        """Hold the net's value against it; on a subset its interval, or the sequential test."""
        if self.metric == SQNR_DB:
            from pytest_quant.judging.output_noise import judge_outputs

            found = subject.outputs(self.net)
            return judge_outputs(found, subject.measurement(self.net), self.value, subject.confidence)
        return self.of_measured(subject.measurement(self.net), subject.confidence)

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
            f"{self.net} {metric.name} = {metric.number(pair.int8)} {evidence(metric, interval, measurement)} "
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
