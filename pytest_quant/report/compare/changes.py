"""What two reports say otherwise of the same models, metrics and cases; nothing is judged here but what is worse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pytest_quant.evidence.difference import difference_interval
from pytest_quant.evidence.interval import Interval
from pytest_quant.report.model import Case, EnvironmentEntry, MeasuredMetric, ModelEntry, NetEntry, Report
from pytest_quant.report.table import Row, RowVerdict, table
from pytest_quant.spec.metric import Metric

_CLOSE = 1e-9
"""Reports are rounded to nine digits."""


@dataclass(frozen=True)
class Noise:
    """The interval of a change, and what it is from."""

    interval: Interval
    """Of how much worse the net is now, in the metric's own unit: below 0 where it is better."""
    source: str
    """In words: the paired samples, or the intervals of both reports."""

    @property
    def is_worse(self) -> bool:
        """Whether the net is worse by more than noise."""
        return self.interval.low > _CLOSE

    @property
    def is_better(self) -> bool:
        """The reverse."""
        return self.interval.high < -_CLOSE


@dataclass(frozen=True)
class RowChange:
    """One row of the table that both reports have: a metric of a net."""

    model: str
    net: str
    metric: Metric
    before: MeasuredMetric
    now: MeasuredMetric
    verdict_before: RowVerdict
    verdict_now: RowVerdict
    noise: Noise | None
    """None: no interval is known."""
    why_not_paired: str | None = None
    """Why the samples themselves could not be compared."""

    @property
    def worse_by(self) -> float:
        """How much worse the net is now, in the metric's own unit."""
        return self.metric.worse_by(self.before.int8, self.now.int8)

    @property
    def is_changed(self) -> bool:
        """Whether a number or the verdict is another one."""
        numbers = ((self.before.fp32, self.now.fp32), (self.before.int8, self.now.int8))
        return any(abs(old - new) > _CLOSE for old, new in numbers) or self.verdict_before != self.verdict_now

    @property
    def judgement(self) -> str:
        """In words."""
        if abs(self.worse_by) <= _CLOSE:
            return "same" if abs(self.before.fp32 - self.now.fp32) <= _CLOSE else "fp32 changed"
        if self.noise is None:
            return "worse, by an unknown noise" if self.worse_by > 0 else "better, by an unknown noise"
        if self.noise.is_worse:
            return "worse"
        return "better" if self.noise.is_better else "within noise"

    @property
    def is_regression(self) -> bool:
        """Whether it is worse by more than noise, or a verdict is not good any more."""
        turned = self.verdict_now.mood == "bad" and self.verdict_before.mood != "bad"
        return turned or (self.noise is not None and self.worse_by > _CLOSE and self.noise.is_worse)


@dataclass(frozen=True)
class CaseChange:
    """A case with another verdict."""

    case: str
    before: RowVerdict
    now: RowVerdict

    @property
    def is_regression(self) -> bool:
        """Whether it was fine, or excused, and is not any more."""
        return self.now.mood == "bad" and self.before.mood != "bad"


@dataclass(frozen=True)
class Changes:
    """Everything that is otherwise."""

    environment: tuple[str, ...]
    rows: tuple[RowChange, ...]
    """Those with another number or verdict."""
    unchanged: int
    """How many rows are the same."""
    cases: tuple[CaseChange, ...]
    surroundings: tuple[str, ...]
    """Files, conditions and samples of models that are others, in words."""
    added: tuple[str, ...]
    """Models and cases, in words."""
    removed: tuple[str, ...]

    @property
    def is_any(self) -> bool:
        """Whether anything is otherwise."""
        parts = (self.environment, self.rows, self.cases, self.surroundings, self.added, self.removed)
        return any(parts)

    @property
    def is_regression(self) -> bool:
        """Whether something got worse."""
        return any(row.is_regression for row in self.rows) or any(case.is_regression for case in self.cases)


Pair = Callable[[str, ModelEntry, ModelEntry, str], "Mapping[str, Noise] | str"]
"""Name, both entries and net to the noise of each metric on the same samples, or why that is not known."""


def compare_reports(before: Report, now: Report, pair: Pair) -> Changes:
    """What is otherwise in ``now``; ``pair`` compares samples one by one where it can."""
    names = [name for name in before.models if name in now.models]
    rows = [row for name in names for row in _rows(name, before, now, pair)]
    old, new = ({(case.id, case.kind, case.metric): case for case in report.cases} for report in (before, now))
    return Changes(
        environment=tuple(_environment(before.environment, now.environment)),
        rows=tuple(row for row in rows if row.is_changed),
        unchanged=sum(not row.is_changed for row in rows),
        cases=tuple(_cases(old, new)),
        surroundings=tuple(line for name in names for line in _surroundings(name, before, now)),
        added=tuple(_absent(now, before)),
        removed=tuple(_absent(before, now)),
    )


def _absent(one: Report, other: Report) -> Iterator[str]:
    yield from (f"model {name}" for name in one.models if name not in other.models)
    known = {case.id for case in other.cases}
    yield from dict.fromkeys(f"case {case.id}" for case in one.cases if case.id not in known)


_CaseKey = tuple[str, str, str | None]
"""Id, kind and metric: a test in Python may have several limits."""


def _cases(old: Mapping[_CaseKey, Case], new: Mapping[_CaseKey, Case]) -> Iterator[CaseChange]:
    for key, case in new.items():
        if key in old:
            first, second = (RowVerdict(one.verdict, one.outcome) for one in (old[key], case))
            if first != second:
                yield CaseChange(case.id, first, second)


def _environment(before: EnvironmentEntry, now: EnvironmentEntry) -> Iterator[str]:
    old, new = _plain(before), _plain(now)
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield f"{name}: {old.get(name, 'none')} -> {new.get(name, 'none')}"


def _plain(environment: EnvironmentEntry) -> dict[str, str]:
    found = environment
    versions = {"pytest-quant": found.pytest_quant, "numpy": found.numpy, "opencv": found.opencv}
    machine = {"python": found.python, "cpu": found.cpu, "isa": " ".join(found.isa)}
    return {**versions, **found.runtimes, **machine}


def _surroundings(name: str, before: Report, now: Report) -> Iterator[str]:
    old, new = before.models[name], now.models[name]
    files = dict.fromkeys((*old.files, *new.files))
    changed = [file for file in files if _sha256(old, file) != _sha256(new, file)]
    if changed:
        yield f"{name}: other files: {', '.join(changed)}"
    for key in dict.fromkeys((*old.conditions, *new.conditions)):
        first, second = old.conditions.get(key), new.conditions.get(key)
        if first != second:
            yield f"{name}: {key}: {first} -> {second}"
    if old.samples.sha256 != new.samples.sha256:
        sizes = [f"{one.samples.evaluated} of {one.samples.total}, seed {one.samples.seed}" for one in (old, new)]
        yield f"{name}: other samples: {' -> '.join(sizes)}"


def _sha256(model: ModelEntry, file: str) -> str | None:
    return model.files[file].sha256 if file in model.files else None


def _rows(name: str, before: Report, now: Report, pair: Pair) -> Iterator[RowChange]:
    old, new = ({(row.net or "int8", row.metric): row for row in table(one).rows if row.model == name}
                for one in (before, now))  # fmt: skip
    nets = {net: _measured(now.models[name], net) for net in dict.fromkeys(net for net, _ in new)}
    for net, measured in nets.items():
        earlier = _measured(before.models[name], net)
        if measured is None or earlier is None:
            continue
        shared = [metric for metric in measured.metrics if (net, metric) in old and (net, metric) in new]
        changed = any(_differ(earlier.metrics.get(metric), measured.metrics[metric]) for metric in shared)
        noise = pair(name, before.models[name], now.models[name], net) if changed else {}
        for metric in shared:
            if metric in earlier.metrics:
                yield _row(old[net, metric], new[net, metric], earlier.metrics[metric], measured.metrics[metric], noise)


def _differ(one: MeasuredMetric | None, other: MeasuredMetric) -> bool:
    return one is not None and abs(one.int8 - other.int8) > _CLOSE


def _measured(model: ModelEntry, net: str) -> ModelEntry | NetEntry | None:
    return model if net == "int8" else model.further_nets.get(net)


def _row(
    old: Row, new: Row, before: MeasuredMetric, now: MeasuredMetric, noise: Mapping[str, Noise] | str
) -> RowChange:
    name = str(new.metric)
    metric = now.metric(name)
    paired = None if isinstance(noise, str) else noise.get(name)
    return RowChange(
        model=new.model,
        net=new.net or "int8",
        metric=metric,
        before=before,
        now=now,
        verdict_before=old.verdict,
        verdict_now=new.verdict,
        noise=paired or _of_intervals(before, now),
        why_not_paired=noise if isinstance(noise, str) else None,
    )


def _of_intervals(before: MeasuredMetric, now: MeasuredMetric) -> Noise | None:
    """The noise of the change of the drop, from the intervals that both reports have."""
    if before.ci is None or now.ci is None or before.ci_level != now.ci_level:
        return None
    found = difference_interval(before.drop, _interval(before, before.ci), now.drop, _interval(now, now.ci))
    return Noise(found, "change of the drop, from both intervals, as of independent samples")


def _interval(values: MeasuredMetric, bounds: tuple[float, float]) -> Interval:
    """With the value itself in it, whatever the rounding."""
    low, high = bounds
    return Interval(min(low, values.drop), max(high, values.drop), values.ci_level, values.method)
