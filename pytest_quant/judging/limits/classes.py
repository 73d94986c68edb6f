"""``classes``: how much worse than fp32 int8 may be in any single class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_quant.judging.limits.base import MetricLimit, ZooKeys, shown_value
from pytest_quant.judging.limits.drop import parse_drop
from pytest_quant.judging.limits.written import Keys, Written, placed
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import listed
from pytest_quant.spec.verdict import Decision, Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.evaluation.measurement import Measurement
    from pytest_quant.judging.class_drops import Allowed, ClassDrops
    from pytest_quant.judging.subject import Subject
    from pytest_quant.tasks.base import ClassScore

_SHOWN = 5
"""How many classes a reason names; the report has more."""


@dataclass(frozen=True)
class ClassTolerance(MetricLimit):
    """The largest allowed drop of the class, or category, that loses most."""

    kind: ClassVar[str] = "classes"
    tells_below_table: ClassVar[bool] = True
    zoo_keys: ClassVar[ZooKeys] = {"class_tolerance": (dict[str, Any], {})}
    is_estimate: ClassVar[bool] = True
    stops_early: ClassVar[bool] = True
    """An evaluation waits for it, and since its classes are judged together, takes all samples."""

    amount: float
    """In the metric's own unit; for a relative one a share of the class's fp32 value."""
    relative: bool = False
    held: Net = "int8"
    """Whose classes they are."""

    @property
    def name(self) -> str:
        """Such as ``classes[top1]``, or ``classes[NET.top1]`` of a further net."""
        return f"classes[{'' if self.held == 'int8' else f'{self.held}.'}{self.metric.name}]"

    @property
    def net(self) -> Net:
        """int8, or the further net."""
        return self.held

    @property
    def keys(self) -> tuple[str, ...]:
        """Such as ``class_tolerance.top1``."""
        return "class_tolerance", self.metric.name

    @property
    def recorded(self) -> float | str:
        """The amount in the metric's own unit, or percent of fp32 in words."""
        return f"{100 * self.amount:g}%" if self.relative else self.amount

    @classmethod
    def shown(cls, metric: Metric, value: object) -> str:
        """Such as ``class drop <= 10.00``."""
        return f"class drop <= {shown_value(metric, value)}"

    @classmethod
    def parse(cls, metric: Metric, raw: Any, net: Net = "int8") -> Self:
        """A number in the metric's own unit, or a string such as ``"10%"``; raises `ConfigError` without a place."""
        if not metric.has_classes:
            raise ConfigError(f"{metric.name} has no value of single classes, so none can be limited")
        amount, relative = parse_drop(metric, raw, float("inf"))
        most = 1.0 if relative else metric.maximum
        if most is not None and amount >= most:
            raise ConfigError(
                f"found {raw!r}, which allows a class to lose everything: probably a unit mistake. {metric.name} goes "
                f"from 0 to {metric.range:g}"
            )
        return cls(metric, amount, relative, net)

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """One per metric under the key, of the model and of each further net."""
        yield from cls._of_net(written, "int8", (), written.get("class_tolerance"))
        for net, keys, values in written.of_nets("class_tolerance"):
            yield from cls._of_net(written, net, keys, values)

    @classmethod
    def _of_net(cls, written: Written, net: Net, keys: Keys, values: Mapping[str, Any]) -> Iterator[Self]:
        for name, raw in values.items():
            place = written.place((*keys, "class_tolerance", name))
            metric = written.metric(name, place)
            with placed(place):
                if not metric.has_classes:
                    able = listed(one.name for one in written.metrics.values() if one.has_classes)
                    raise ConfigError(
                        f"{name} of the task {written.task} has no value of single classes; metrics of that task that "
                        f"have: {able or 'none'}"
                    )
                yield cls.parse(metric, raw, net)

    def judge(self, subject: Subject) -> Verdict:
        """Hold the drop of every class against it; on a subset its interval, with Holm's correction."""
        return self.of_measured(subject.measurement(self.net), subject.confidence)

    def of_measured(self, measurement: Measurement, confidence: float) -> Verdict:
        """The verdict on a measurement; raises `ConfigError` where no class of the whole dataset can be judged."""
        from pytest_quant.judging.class_drops import LEAST_SAMPLES, ClassDrops
        from pytest_quant.judging.intervals import pair_of

        drops = ClassDrops.of(measurement, pair_of(measurement, self.metric).metric)
        if not drops.judged:
            text = f"no class of {measurement.evaluated} samples has {LEAST_SAMPLES} of them, so none is judged"
            if measurement.is_whole:
                raise ConfigError(f"{self.name}: {text}: take it out of the model's class_tolerance")
            return Verdict("inconclusive", f"{text}: evaluate more samples (--quant-samples)", limit=self.amount)
        allowed = self._allowed()
        decisions = drops.decisions(allowed, confidence)
        found: Decision = "pass" if set(decisions) == {"pass"} else "fail" if "fail" in decisions else "inconclusive"
        words = _Words(self, drops, allowed, confidence)
        reason = words.reason(found, decisions) + words.few()
        return Verdict(found, reason, drops.judged[0].pair.drop, None if self.relative else self.amount)

    def _allowed(self) -> Allowed:
        from pytest_quant.judging.class_drops import Allowed

        if not self.relative:
            return Allowed(self.amount)
        return Allowed(0.0, 1 - self.amount if self.metric.higher_is_better else 1 + self.amount)


@dataclass(frozen=True)
class _Words:
    """The verdict on the classes in words, with their values."""

    limit: ClassTolerance
    drops: ClassDrops
    allowed: Allowed
    confidence: float

    def reason(self, found: Decision, decisions: Sequence[Decision]) -> str:
        """Which classes decided it; the worst one where all keep it."""
        drops, total = self.drops, len(decisions)
        most = self._most()
        if found == "pass":
            return f"{total} classes, the worst {self._class(drops.judged[0])} <= {most}{self._together()}"
        about = [one for one, decision in zip(drops.judged, decisions, strict=True) if decision == found]
        shown = listed(map(self._class, about[:_SHOWN])) + (
            f" and {len(about) - _SHOWN} more" if len(about) > _SHOWN else ""
        )
        if found == "fail":
            return f"{len(about)} of {total} classes drop by more than {most}: {shown}{self._together()}"
        needed = drops.samples_needed(about, self.allowed, self.confidence)
        return (
            f"{len(about)} of {total} classes may drop by more than {most} or not: {shown}{self._together()}: "
            f"{drops.measurement.evaluated} of {drops.measurement.total} samples do not decide it, about {needed} "
            f"would (--quant-samples {needed})"
        )

    def few(self) -> str:
        """The classes that are not judged."""
        from pytest_quant.judging.class_drops import LEAST_SAMPLES
        from pytest_quant.spec.text import first_few

        few = [one.name for one in self.drops.few]
        if not few:
            return ""
        return f"; not judged, with fewer than {LEAST_SAMPLES} samples: {len(few)} ({first_few(few)})"

    def _most(self) -> str:
        if self.limit.relative:
            return f"{100 * self.limit.amount:g} % of fp32"
        return self.drops.metric.difference(self.limit.amount)

    def _class(self, one: ClassScore) -> str:
        """``7: 85.00 - 60.00 = 25.00 (n = 20)``."""
        from pytest_quant.evidence.family import confidence_of_each

        metric, pair = self.drops.metric, one.pair
        values = [metric.number(pair.fp32), metric.number(pair.int8)]
        formula = " - ".join(values if metric.higher_is_better else values[::-1])
        interval = ""
        if not self.drops.measurement.is_whole:
            own = confidence_of_each(self.confidence, len(self.drops.judged))
            bounds = self.drops.bounds(one, self.allowed, own).minus(-self.allowed.amount)
            of_what = "CI" if self.allowed.retain == 1.0 else f"CI of {self.allowed.retain:g} * fp32 - int8"
            interval = (
                f"{100 * bounds.level:.4g}% {of_what} {metric.number(bounds.low)} to {metric.number(bounds.high)}, "
            )
        return f"{one.name}: {formula} = {metric.number(pair.drop)} ({interval}n = {one.samples})"

    def _together(self) -> str:
        if self.drops.measurement.is_whole:
            return ""
        return f" (at {100 * self.confidence:g} % over all {len(self.drops.judged)} classes together, Holm)"
