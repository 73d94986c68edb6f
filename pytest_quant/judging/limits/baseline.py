"""``baseline``: int8, or a further net, must not be worse than the committed baseline on the same samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import MetricLimit
from pytest_quant.judging.limits.written import Written
from pytest_quant.spec.errors import BaselineMissingError, ConfigError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import SQNR_DB, Metric
from pytest_quant.spec.net import SIDES, Net
from pytest_quant.spec.number import share_of_range
from pytest_quant.spec.text import shown
from pytest_quant.spec.verdict import Verdict

if TYPE_CHECKING:
    from typing_extensions import Self

    from pytest_quant.evaluation.measurement import Measurement
    from pytest_quant.judging.baseline import Baseline
    from pytest_quant.judging.part_subject import PartSubject
    from pytest_quant.judging.subject import Subject
    from pytest_quant.tasks.base import Comparison

_ROUNDING = 1e-9
"""In the metric's unit: a difference that is the allowed one in decimals must not miss it by a rounding error."""


@dataclass(frozen=True)
class NoWorse(MetricLimit):
    """A net is not worse than it was when the baseline was written."""

    kind: ClassVar[str] = "baseline"
    stands_alone: ClassVar[bool] = False
    is_silent_when_skipped: ClassVar[bool] = True

    within_pct: float
    """How much worse it may be, in percent of the metric's range; of the baseline's value where it has none."""

    held: Net = "int8"
    """Whose value it is about."""

    @property
    def name(self) -> str:
        """Such as ``baseline[top1]``, or ``baseline[NET.top1]`` of a further net."""
        return f"baseline[{'' if self.held == 'int8' else f'{self.held}.'}{self.metric.name}]"

    @property
    def net(self) -> Net:
        """int8, or the further net."""
        return self.held

    @property
    def recorded(self) -> float | None:
        """How much worse it may be, in the metric's own unit; not known without the baseline where it has no range."""
        return None if self.metric.maximum is None else self.within()

    def within(self, before: float = 0.0) -> float:
        """How much worse it may be, in the metric's own unit."""
        return share_of_range(self.metric, self.within_pct, before)

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """None: it is a run that has a baseline, see `of_limits`."""
        yield from ()

    @classmethod
    def of_limits(cls, limits: Iterable[Limit], within_pct: float) -> tuple[Self, ...]:
        """One per metric that a limit of a model names, and one per further net and metric that its limits name.

        int8 has one for the metrics of further nets, too, but for raw outputs, which only their own limits compute.
        """
        named = [(limit.net, limit.metric) for limit in limits if limit.metric is not None]
        further = [(net, metric) for net, metric in named if net not in (*SIDES, "onnx")]
        of_int8 = [metric for net, metric in named if (net, metric) not in further or metric != SQNR_DB]
        pairs = dict.fromkeys([*(("int8", metric) for metric in of_int8), *further])
        return tuple(cls(metric, within_pct, net) for net, metric in pairs)

    def gather(self, part: PartSubject) -> None:
        """The predictions, and the raw outputs where it is about them."""
        part.predictions(self.net)
        if self.metric == SQNR_DB:
            part.outputs("fp32", self.net)

    def judge(self, subject: Subject) -> Verdict:
        """Hold the net against its entry; raises `BaselineMissingError` when there is nothing to compare with."""
        if subject.baseline is None:
            raise ConfigError(f"{subject.model.name}: no baseline was given to compare with")
        entry = subject.baseline.entry(subject.model.name, self.metric.name, self.net)
        measurement = subject.measurement(self.net)
        if self.metric == SQNR_DB:
            return self._of_outputs(subject.outputs(self.net).worst[1], measurement, subject.baseline)
        since = None
        if entry.samples.sha256 == measurement.samples_sha256 and self.net in entry.predictions:
            since = subject.bench.compare_with(measurement, entry.predictions[self.net])
        if since is not None and self.metric.name not in since.metrics:  # agreement is with fp32, not with the past
            since = None
        return self.of_measured(measurement, subject.baseline, since, subject.confidence)

    def of_measured(
        self, measurement: Measurement, baseline: Baseline, since: Comparison | None, confidence: float
    ) -> Verdict:
        """The verdict on a measurement.

        ``since`` are the baseline's own predictions, in the place of fp32, beside the present ones where they are still
        known: they say which samples changed. Raises `BaselineMissingError` for other samples than the baseline's.
        """
        from pytest_quant.judging.intervals import pair_of

        pair = pair_of(measurement, self.metric)
        changes = "" if since is None else _changes(since, pair.metric, measurement, confidence)
        return self._held(pair.int8, pair.metric, measurement, baseline, changes)

    def _of_outputs(self, value: float, measurement: Measurement, baseline: Baseline) -> Verdict:
        """The verdict on how much noise the raw outputs have; none, where outputs are the same, is no worse."""
        if value == math.inf:
            return Verdict("pass", "the raw outputs are those of fp32 to the last bit, so they have no noise")
        return self._held(value, self.metric, measurement, baseline, "")

    def _held(
        self, value: float, metric: Metric, measurement: Measurement, baseline: Baseline, changes: str
    ) -> Verdict:
        """``value`` against that of the entry, which must be of the same samples."""
        from pytest_quant.judging.baseline import ACCEPT

        model = measurement.model.name
        entry = baseline.entry(model, self.metric.name, self.net)
        accept = ACCEPT.format(path=shown(baseline.path))
        if entry.samples.sha256 != measurement.samples_sha256:
            raise BaselineMissingError(
                f"{shown(baseline.path)}: {model}{'' if self.net == 'int8' else f' {self.net}'} was measured on other "
                f"samples ({entry.samples.evaluated} of {entry.samples.total}, seed {entry.samples.seed}) than now "
                f"({measurement.evaluated} of {measurement.total}, seed {measurement.seed}); measure it anew with "
                f"{accept}"
            )
        before = entry.metrics[self.metric.name].int8
        within, worse = self.within(before), metric.worse_by(before, value)
        kept = worse <= within + _ROUNDING
        first, second = ("before", "now") if metric.higher_is_better else ("now", "before")
        names = {"before": "baseline", "now": self.net}
        values = {"before": metric.number(before), "now": metric.number(value)}
        reason = (
            f"{names[first]} - {names[second]} = {values[first]} - {values[second]} = {metric.difference(worse)} "
            f"(n = {measurement.evaluated} of {measurement.total}, the same samples) {'<=' if kept else '>'} "
            f"{metric.number(within)}{changes}"
        )
        if worse < -_ROUNDING:
            reason += f"; better than the baseline: {accept} accepts it"
        reason += "".join(f"; {difference}" for difference in entry.differences(measurement))
        return Verdict("pass" if kept else "fail", reason, value=value, limit=before)


def _changes(since: Comparison, metric: Metric, measurement: Measurement, confidence: float) -> str:
    """Which samples changed since the baseline, and the interval of the change."""
    from pytest_quant.judging.evidence import drop_interval
    from pytest_quant.judging.intervals import population_of

    pair, flips = since.metrics[metric.name], since.flips
    interval = drop_interval(pair, population=population_of(measurement, pair), confidence=confidence)
    return (
        f"; right only in the baseline {flips.only_fp32_right}, only now {flips.only_int8_right}, "
        f"{100 * interval.level:.4g}% CI {metric.number(interval.low)} to {metric.number(interval.high)}"
    )
