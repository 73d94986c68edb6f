"""The rows of the table that writers print: one per model, net and metric with a limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_quant.judging.limits import is_silent_when_skipped, limit_classes
from pytest_quant.report import task_words
from pytest_quant.report.model import Case, FlipsEntry, MeasuredMetric, ModelEntry, NetEntry, Report, SqnrEntry
from pytest_quant.spec.metric import SQNR_DB, WITHOUT_LABELS, Metric
from pytest_quant.spec.verdict import Decision, Outcome, badness

Mood = Literal["good", "excused", "bad"]


@dataclass(frozen=True)
class RowVerdict:
    """The worst of some cases."""

    decision: Decision
    outcome: Outcome
    case: str | None = None
    """The kind of the case that made it, where it is not the tolerance that the row shows."""

    @property
    def text(self) -> str:
        """In capitals, with the case that made it, and what it means to pytest where that differs.

        >>> RowVerdict("fail", "failed").text, RowVerdict("fail", "failed", "table").text
        ('FAIL', 'FAIL (table)')
        """
        text = "NOT RUN" if self.outcome == "not_run" else self.decision.upper()
        if self._failed_before:
            text = "NOT DECIDED"
        known = [] if self.case is None else [self.case]
        if self.outcome in ("xfailed", "xpassed"):
            known.append(self.outcome)
        elif self._is_allowed:
            known.append("allowed")
        return f"{text} ({', '.join(known)})" if known else text

    @property
    def _failed_before(self) -> bool:
        """A test in Python failed before its limit was decided."""
        return self.decision == "skipped" and self.outcome == "failed"

    @property
    def _is_allowed(self) -> bool:
        return self.decision == "inconclusive" and self.outcome == "passed"

    @property
    def mood(self) -> Mood:
        """Whether it is what was hoped for, or no reason to worry."""
        if self.decision == "pass" and self.outcome not in ("not_run", "xfailed", "xpassed"):
            return "good"
        if self._failed_before:
            return "bad"
        is_excused = self.decision == "skipped" or self.outcome in ("not_run", "xfailed") or self._is_allowed
        return "excused" if is_excused else "bad"


@dataclass(frozen=True)
class RowNumbers:
    """What was measured of one metric."""

    metric: Metric
    values: MeasuredMetric
    onnx: float | None
    """Of the ONNX file that the fp32 net was converted from."""
    evaluated: int
    total: int
    flips: FlipsEntry | None
    """None: the model's flips are about another metric."""

    def cells(self) -> tuple[str, ...]:
        """The columns from ``fp32`` to ``CI of drop``."""
        number, ci = self.metric.number, self.values.ci
        return (
            number(self.values.fp32),
            number(self.values.int8),
            number(self.values.drop),
            "-" if ci is None else f"{number(ci[0])} to {number(ci[1])}",
        )


@dataclass(frozen=True)
class RowOutputs:
    """What was measured of raw outputs, of which fp32's are the signal: there is no value of fp32, and no drop."""

    metric: Metric
    worst: SqnrEntry
    evaluated: int
    total: int

    def cells(self) -> tuple[str, ...]:
        """The columns from ``fp32`` to ``CI of drop``."""
        return ("-", self.worst.cell, "-", "-")


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    model: str
    net: str | None
    """The further net in the place of int8; None: int8."""
    dataset: str | None
    """None: nothing was measured."""
    metric: str | None
    """None: about the model as a whole."""
    numbers: RowNumbers | None
    """None: the metric was not measured, or is one of raw outputs."""
    limit: str
    """In words."""
    verdict: RowVerdict
    outputs: RowOutputs | None = None
    """In the place of ``numbers`` where the metric is one of raw outputs."""
    runtime: str | None = None
    """What ran the net in the place of int8; None: nothing did."""

    @property
    def onnx(self) -> float | None:
        """The metric before conversion, where it was measured."""
        return None if self.numbers is None else self.numbers.onnx

    @property
    def is_subset(self) -> bool:
        """Whether not all samples of the dataset were evaluated."""
        shown = self.numbers or self.outputs
        return shown is not None and shown.evaluated != shown.total

    def cells(self) -> tuple[str, ...]:
        """The cells in the order of `HEADER`, as text."""
        name = self.model if self.net is None else f"{self.model} {self.net}"
        first = (name, self.dataset or "-", self.metric or "-")
        shown = self.numbers or self.outputs
        if shown is None:
            return (*first, *("-" * 8), self.runtime or "-", self.verdict.text)
        flips = None if self.numbers is None else self.numbers.flips
        return (
            *first,
            "-" if self.onnx is None else shown.metric.number(self.onnx),
            *shown.cells(),
            self.limit,
            f"{shown.evaluated} of {shown.total}",
            "-" if flips is None else f"-{flips.only_fp32_right} +{flips.only_int8_right}",
            self.runtime or "-",
            self.verdict.text,
        )


HEADER = (
    *("model", "dataset", "metric", "onnx", "fp32", "int8", "drop", "CI of drop"),
    *("limit", "n of N", "flips", "runtime", "verdict"),
)


@dataclass(frozen=True)
class Table:
    """The table of a report, without the column `onnx` where no row has one, and `runtime` where all have the same."""

    rows: tuple[Row, ...]

    @property
    def header(self) -> tuple[str, ...]:
        """The titles of the columns."""
        return self._shown(HEADER)

    @property
    def samples_column(self) -> int:
        """Which column tells how many samples were evaluated."""
        return self.header.index("n of N")

    def lines(self) -> list[tuple[str, ...]]:
        """The cells of the rows, as text."""
        return [self._shown(row.cells()) for row in self.rows]

    def _shown(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(cell for title, cell in zip(HEADER, cells, strict=True) if title not in self._left_out)

    @property
    def _left_out(self) -> frozenset[str]:
        has_onnx = any(row.onnx is not None for row in self.rows)
        runtimes = {row.runtime for row in self.rows if row.runtime is not None}
        shown = {"onnx": has_onnx, "runtime": len(runtimes) > 1}
        return frozenset(title for title, is_shown in shown.items() if not is_shown)


def table(report: Report) -> Table:
    """By task, model, net and metric; a model that was not measured has one row with its verdict.

    The verdict of a row is the worst of the metric's cases and of those that are about the model as a whole. The cases
    of a further net have rows of their own behind the model's, with the same fp32 net.
    """
    found: list[Row] = []
    for name, cases in sorted(_by_model(report).items(), key=lambda item: task_words.place(report.models.get(item[0]))):
        model = report.models.get(name)
        own = [case for case in cases if case.net is None]
        found += _rows_of(name, None, model, model, own)
        for net in sorted({case.net for case in cases if case.net is not None}):
            measured = None if model is None else model.further_nets.get(net)
            found += _rows_of(name, net, model, measured, [case for case in cases if case.net == net])
    return Table(tuple(found))


def _by_model(report: Report) -> dict[str, list[Case]]:
    models: dict[str, list[Case]] = {}
    for case in report.cases:
        if case.model is not None:
            models.setdefault(case.model, []).append(case)
    return dict(sorted(models.items()))


def _rows_of(
    name: str, net: str | None, model: ModelEntry | None, measured: ModelEntry | NetEntry | None, cases: Sequence[Case]
) -> list[Row]:
    """One per metric of the cases, or one for all of them where nothing was measured; none without cases."""
    dataset = None if model is None or measured is None else model.dataset
    metrics = dict.fromkeys(case.metric for case in cases if case.metric is not None)
    if cases and (measured is None or not metrics):
        return [Row(name, net, dataset, None, None, "-", verdict(cases))]
    found = []
    for metric in metrics:
        about = [case for case in cases if case.metric in (metric, None)]
        numbers = None if model is None or measured is None else _numbers(metric, model, measured)
        outputs = None if measured is None or metric != SQNR_DB.name else _outputs(measured)
        shown = numbers or outputs
        limit = "-" if shown is None else ", ".join(_limits(shown.metric, about)) or _other_kinds(about)
        found.append(Row(name, net, dataset, metric, numbers, limit, verdict(about), outputs, _runtime(measured)))
    return found


def _runtime(measured: ModelEntry | NetEntry | None) -> str | None:
    """The name of what ran the net in the place of int8, without its version."""
    if measured is None:
        return None
    whole = measured.runtime if isinstance(measured, NetEntry) else (measured.runtimes or {}).get("int8")
    return whole.partition(" ")[0] if whole else None


def _outputs(measured: ModelEntry | NetEntry) -> RowOutputs | None:
    outputs, samples = measured.outputs, measured.samples
    if outputs is None:
        return None
    return RowOutputs(SQNR_DB, outputs.blobs[outputs.worst], samples.evaluated, samples.total)


def _numbers(name: str, model: ModelEntry, measured: ModelEntry | NetEntry) -> RowNumbers | None:
    values = measured.metrics.get(name)
    if values is None:
        return None
    onnx = model.onnx.metrics.get(name) if model.onnx is not None and measured is model else None
    return RowNumbers(
        metric=values.metric(name),
        values=values,
        onnx=None if onnx is None else onnx.onnx,
        evaluated=measured.samples.evaluated,
        total=measured.samples.total,
        flips=measured.flips if _flips_are_about(model, name) else None,
    )


def _flips_are_about(model: ModelEntry, metric: str) -> bool:
    """With labels they are about the task's own metrics, without about the agreement, which is the only one then."""
    own = [name for name in model.metrics if name not in WITHOUT_LABELS]
    return not own if metric in WITHOUT_LABELS else task_words.counts_flips(model, metric)


def _limits(metric: Metric, cases: Sequence[Case]) -> Iterator[str]:
    for kind in limit_classes():
        for value in dict.fromkeys(case.limit for case in cases if case.kind == kind.kind):
            shown = kind.shown(metric, value)
            if shown is not None:
                yield shown


def _other_kinds(cases: Sequence[Case]) -> str:
    return ", ".join(dict.fromkeys(case.kind for case in cases if case.metric is not None)) or "-"


def _is_silent(skipped: Case) -> bool:
    """Whether it says nothing about the model; a test in Python that failed by itself did not get to its limits."""
    return skipped.outcome == "failed" or is_silent_when_skipped(skipped.kind)


_PLAIN = ("tolerance", "net", "config", "zoo")
"""Kinds of cases that a verdict need not name: the drop that the row shows, and what nothing else stands beside."""


def verdict(cases: Sequence[Case]) -> RowVerdict:
    """The worst of some cases, one at least."""
    telling = [case for case in cases if case.verdict != "skipped" or not _is_silent(case)]
    worst = min(telling or cases, key=lambda case: (badness(case.verdict, case.outcome), case.kind not in _PLAIN))
    found = RowVerdict(worst.verdict, worst.outcome)
    says_nothing = found.mood == "good" or worst.verdict == "skipped" or worst.outcome == "not_run"
    return found if says_nothing or len(cases) == 1 or worst.kind in _PLAIN else replace(found, case=worst.kind)
