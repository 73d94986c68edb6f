"""What two reports say otherwise of the same models, metrics and cases; nothing is judged here but what is worse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pytest_quant.evidence.difference import difference_interval
from pytest_quant.report.compare.change import CaseChange, Changes, Noise, RowChange, Values
from pytest_quant.report.model import Case, EnvironmentEntry, ModelEntry, NetEntry, Report
from pytest_quant.report.table import Row, RowVerdict, table
from pytest_quant.spec.metric import SQNR_DB, Metric

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
