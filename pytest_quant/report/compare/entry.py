"""What changed between two reports, as typed JSON (``pytest-quant compare --json``)."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import Field

from pytest_quant.report.compare.change import CaseChange, Changes, Judgement, RowChange
from pytest_quant.report.model.base import Entry

T = TypeVar("T")


class BeforeNow(Entry, Generic[T]):
    """One thing in both reports."""

    before: T
    now: T


class RowChangeEntry(Entry):
    """A row of the table with another number or verdict; numbers are in the metric's own unit."""

    model: str
    net: str
    """``int8``, or a further net."""
    metric: str
    unit: str
    fp32: BeforeNow[float | None]
    """Null where fp32 has no value, as with `sqnr_db`."""
    int8: BeforeNow[float | None]
    """Of the net; null where it is not a number, such as the ratio of outputs that are identical."""
    worse_by: float | None
    """How much worse the net is now; null where either is not a number."""
    ci: tuple[float, float] | None
    """Of ``worse_by``, each bound one-sided; null: not known."""
    ci_level: float | None
    """Two-sided, such as 0.90."""
    is_paired: bool
    """Whether ``ci`` is of samples that were compared one by one."""
    source: str | None
    """In words: what ``ci`` is from."""
    why_not_paired: str | None
    """In words."""
    change: Judgement
    verdict: BeforeNow[str]
    """As the table prints it."""
    is_regression: bool
    """Whether it is worse by more than noise, or the verdict turned bad."""


class CaseChangeEntry(Entry):
    """A case with another verdict."""

    case: str
    verdict: BeforeNow[str]
    is_regression: bool


class ComparisonEntry(Entry):
    """Two reports held against each other."""

    schema_: Literal[1] = Field(alias="schema")
    is_regression: bool
    """Whether anything got worse: what ``--fail-on worse`` goes by."""
    is_changed: bool
    """Whether anything is otherwise."""
    rows: tuple[RowChangeEntry, ...]
    unchanged_rows: int
    cases: tuple[CaseChangeEntry, ...]
    environment: tuple[str, ...]
    """Versions and machine that are others, in words; likewise what follows."""
    models: tuple[str, ...]
    """Files, conditions and samples."""
    added: tuple[str, ...]
    removed: tuple[str, ...]


def comparison_entry(changes: Changes) -> ComparisonEntry:
    """The same as types."""
    return ComparisonEntry(
        schema=1,
        is_regression=changes.is_regression,
        is_changed=changes.is_any,
        rows=tuple(map(_row, changes.rows)),
        unchanged_rows=changes.unchanged,
        cases=tuple(map(_case, changes.cases)),
        environment=changes.environment,
        models=changes.surroundings,
        added=changes.added,
        removed=changes.removed,
    )


def _row(row: RowChange) -> RowChangeEntry:
    interval = None if row.noise is None else row.noise.interval
    return RowChangeEntry(
        model=row.model,
        net=row.net,
        metric=row.metric.name,
        unit=row.metric.unit,
        fp32=_values(row.before.fp32, row.now.fp32),
        int8=_values(row.before.int8, row.now.int8),
        worse_by=_rounded(row.worse_by),
        ci=None if interval is None else (round(interval.low, _DIGITS), round(interval.high, _DIGITS)),
        ci_level=None if interval is None else round(interval.level, _DIGITS),
        is_paired=row.noise is not None and row.noise.is_paired,
        source=None if row.noise is None else row.noise.source,
        why_not_paired=row.why_not_paired,
        change=row.judgement,
        verdict=BeforeNow[str](before=row.verdict_before.text, now=row.verdict_now.text),
        is_regression=row.is_regression,
    )


_DIGITS = 9
"""As in a report."""


def _values(before: float | None, now: float | None) -> BeforeNow[float | None]:
    return BeforeNow[float | None](before=before, now=now)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _case(change: CaseChange) -> CaseChangeEntry:
    verdict = BeforeNow[str](before=change.before.text, now=change.now.text)
    return CaseChangeEntry(case=change.case, verdict=verdict, is_regression=change.is_regression)
