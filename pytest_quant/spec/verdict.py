"""What was decided about a limit, and the row of the report that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_quant.spec.limit import Kind

Decision = Literal["pass", "fail", "inconclusive", "error", "crashed", "missing", "skipped"]

Outcome = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "not_run"]
Inconclusive = Literal["fail", "pass"]
"""What a sampled case does to the run when the evidence decides neither way."""


@dataclass(frozen=True)
class Verdict:
    """What was decided about one limit, and why."""

    decision: Decision
    reason: str
    """The formula with its values, complete as it stands."""
    value: float | None = None
    """What was compared with the limit, in the metric's own unit."""
    limit: float | None = None
    """The limit in the same unit."""
    warnings: tuple[str, ...] = ()
    """What is legitimate and probably not meant, a sentence each."""

    def is_broken(self, inconclusive: Inconclusive) -> bool:
        """Whether it fails its case; ``inconclusive`` is what the user wants of one that decides neither way."""
        return self.decision == "fail" or (self.decision == "inconclusive" and inconclusive == "fail")


@dataclass(frozen=True)
class CaseRecord:
    """One row of the report's ``cases``."""

    id: str
    model: str | None
    metric: str | None
    kind: Kind
    limit: float | bool | str | None
    value: float | bool | str | None
    verdict: Decision
    outcome: Outcome
    reason: str
    seconds: float
    name: str = ""
    """The limit's name, which tells the limits of one test in Python apart; not in the report."""
