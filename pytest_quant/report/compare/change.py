"""What is otherwise in one of two reports: of a value, a case, and of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_quant.evidence.interval import Interval
from pytest_quant.report.model import MeasuredMetric
from pytest_quant.report.model.net import OutputsEntry
from pytest_quant.report.table import RowVerdict
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
