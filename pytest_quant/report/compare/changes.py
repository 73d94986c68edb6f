"""What two reports say otherwise of the same models, metrics and cases; nothing is judged here but what is worse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pytest_quant.evidence.difference import difference_interval
from pytest_quant.evidence.interval import Interval
from pytest_quant.report.model import Case, EnvironmentEntry, MeasuredMetric, ModelEntry, NetEntry, Report
from pytest_quant.report.model.net import OutputsEntry
from pytest_quant.report.table import Row, RowVerdict, table
from pytest_quant.spec.metric import SQNR_DB, Metric

_CLOSE = 1e-9
"""Reports are rounded to nine digits."""


@dataclass(frozen=True)
class Noise:
    """The interval of a change, and what it is from."""

    interval: Interval
    """Of how much worse the net is now, in the metric's own unit: below 0 where it is better."""
    source: str
    """In words: the paired samples, or the intervals of both reports."""
    is_paired: bool = False
    """Whether it is of samples that were compared one by one."""

    @property
    def is_worse(self) -> bool:
        """Whether the net is worse by more than noise."""
        return self.interval.low > _CLOSE

    @property
    def is_better(self) -> bool:
        """The reverse."""
        return self.interval.high < -_CLOSE


Judgement = Literal[
    "same",
    "fp32 changed",
    "within noise",
    "worse",
    "better",
    "worse, by an unknown noise",
    "better, by an unknown noise",
    "changed",
]
"""Of a net's value; ``changed``: one of both is not a number."""


@dataclass(frozen=True)
class Values:
    """What one report says of a metric of a net."""

    int8: float | None
    """Of the net; None: it is not a number, and ``note`` says why."""
    fp32: float | None = None
    """None where fp32 has no value, as with `sqnr_db`."""
    note: str | None = None
    drop: Interval | None = None
    """The interval that the report has."""

    @classmethod
    def of_metric(cls, found: MeasuredMetric) -> Values:
        """Of a metric that is scored."""
        drop = None
        if found.ci is not None:  # with the drop itself in it, whatever the rounding
            low, high = min(found.ci[0], found.drop), max(found.ci[1], found.drop)
            drop = Interval(low, high, found.ci_level, found.method)
        return cls(found.int8, found.fp32, drop=drop)

    @classmethod
    def of_outputs(cls, found: OutputsEntry) -> Values:
        """Of the raw outputs: the worst of them."""
        worst = found.blobs[found.worst]
        return cls(worst.sqnr_db, note=None if worst.sqnr_db is not None else worst.note)

    def is_close(self, other: Values) -> bool:
        """Whether both say the same, but for rounding."""
        return self.note == other.note and _are_close(self.int8, other.int8) and _are_close(self.fp32, other.fp32)


def _are_close(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else abs(one - other) <= _CLOSE


@dataclass(frozen=True)
class RowChange:
    """One row of the table that both reports have: a metric of a net."""

    model: str
    net: str
    metric: Metric
    before: Values
    now: Values
    verdict_before: RowVerdict
    verdict_now: RowVerdict
    noise: Noise | None
    """None: no interval is known."""
    why_not_paired: str | None = None
    """Why the samples themselves could not be compared."""

    @property
    def worse_by(self) -> float | None:
        """How much worse the net is now, in the metric's own unit; None where a value is not a number."""
        if self.before.int8 is None or self.now.int8 is None:
            return 0.0 if self.before.note == self.now.note else None
        return self.metric.worse_by(self.before.int8, self.now.int8)

    @property
    def is_changed(self) -> bool:
        """Whether a number or the verdict is another one."""
        return not self.before.is_close(self.now) or self.verdict_before != self.verdict_now

    @property
    def judgement(self) -> Judgement:
        """In words."""
        worse_by = self.worse_by
        if worse_by is None:
            return "changed"
        if abs(worse_by) <= _CLOSE:
            return "same" if _are_close(self.before.fp32, self.now.fp32) else "fp32 changed"
        if self.noise is None:
            return "worse, by an unknown noise" if worse_by > 0 else "better, by an unknown noise"
        if self.noise.is_worse:
            return "worse"
        return "better" if self.noise.is_better else "within noise"

    @property
    def is_regression(self) -> bool:
        """Whether it is worse by more than noise, or a verdict is not good any more."""
        turned = self.verdict_now.mood == "bad" and self.verdict_before.mood != "bad"
        return turned or self.judgement == "worse"


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


Pair = Callable[[str, ModelEntry, ModelEntry, str], "Mapping[str, Noise | str] | str"]
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
    for net in dict.fromkeys(net for net, _ in new):
        earlier, later = (_values(report.models[name], net) for report in (before, now))
        shared = [metric for of, metric in new if of == net and (net, metric) in old and metric in earlier]
        known = {
            metric: (earlier[metric], later[metric]) for metric in shared if metric is not None and metric in later
        }
        changed = any(not one.is_close(other) for one, other in known.values())
        noise = pair(name, before.models[name], now.models[name], net) if changed else {}
        for metric, sides in known.items():
            yield _row((old[net, metric], new[net, metric]), _metric(now.models[name], net, metric), sides, noise)


def _values(model: ModelEntry, net: str) -> dict[str, Values]:
    """Metric to what a report says of it."""
    measured = _measured(model, net)
    if measured is None:
        return {}
    found = {name: Values.of_metric(values) for name, values in measured.metrics.items()}
    return found if measured.outputs is None else {**found, SQNR_DB.name: Values.of_outputs(measured.outputs)}


def _metric(model: ModelEntry, net: str, name: str) -> Metric:
    measured = _measured(model, net)
    return SQNR_DB if measured is None or name == SQNR_DB.name else measured.metrics[name].metric(name)


def _measured(model: ModelEntry, net: str) -> ModelEntry | NetEntry | None:
    return model if net == "int8" else model.further_nets.get(net)


def _row(
    rows: tuple[Row, Row], metric: Metric, sides: tuple[Values, Values], noise: Mapping[str, Noise | str] | str
) -> RowChange:
    old, new = rows
    paired = noise if isinstance(noise, str) else noise.get(metric.name)
    return RowChange(
        model=new.model,
        net=new.net or "int8",
        metric=metric,
        before=sides[0],
        now=sides[1],
        verdict_before=old.verdict,
        verdict_now=new.verdict,
        noise=paired if isinstance(paired, Noise) else _of_intervals(metric, *sides),
        why_not_paired=paired if isinstance(paired, str) else None,
    )


def _of_intervals(metric: Metric, before: Values, now: Values) -> Noise | None:
    """The noise of the change of the drop, from the intervals that both reports have."""
    drops = [
        None if one.drop is None or one.fp32 is None or one.int8 is None else metric.worse_by(one.fp32, one.int8)
        for one in (before, now)
    ]
    first, second = before.drop, now.drop
    if first is None or second is None or first.level != second.level or drops[0] is None or drops[1] is None:
        return None
    found = difference_interval(drops[0], first, drops[1], second)
    return Noise(found, "change of the drop, from both intervals, as of independent samples")
