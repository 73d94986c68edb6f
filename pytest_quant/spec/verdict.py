"""What was decided about a limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Decision = Literal["pass", "fail", "inconclusive", "error", "crashed", "missing", "skipped"]

Outcome = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "not_run"]
Inconclusive = Literal["fail", "pass"]
"""What a sampled case does to the run when the evidence decides neither way."""

DECISIONS_WORST_FIRST: tuple[Decision, ...] = (
    *("crashed", "error", "missing", "fail", "inconclusive", "skipped", "pass"),
)
OUTCOMES_WORST_FIRST: tuple[Outcome, ...] = ("failed", "xpassed", "xfailed", "not_run", "skipped", "passed")


def badness(decision: Decision, outcome: Outcome) -> tuple[int, int]:
    """The less the worse; what pytest makes of it counts where the decisions are the same.

    >>> badness("fail", "failed") < badness("fail", "xfailed") < badness("pass", "passed")
    True
    """
    return DECISIONS_WORST_FIRST.index(decision), OUTCOMES_WORST_FIRST.index(outcome)


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
