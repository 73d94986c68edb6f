"""What a check found, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]
"""``error``: the measurement means nothing. ``warning``: it is doubtful; fails the case in a strict run."""


@dataclass(frozen=True)
class Finding:
    """One thing that makes a measurement meaningless or doubtful."""

    check: str
    """The name of the check, which ``waive`` takes."""
    severity: Severity
    found: str
    """A sentence with numbers, without its stop."""
    advice: str
    """What to do, or the question to ask."""
    waived: str | None = None
    """Why it may stand, where the zoo file says so."""

    @property
    def text(self) -> str:
        """In one line, as tables and messages show it.

        >>> Finding("duplicates", "warning", "30 of 60 samples are copies", "remove them").text
        'duplicates: 30 of 60 samples are copies: remove them'
        """
        if self.waived is not None:
            return f"{self.check} (waived: {self.waived}): {self.found}"
        return f"{self.check}: {self.found}: {self.advice}"


def counted(findings: Sequence[Finding]) -> str:
    """How many there are of which kind.

    >>> counted([Finding("constant", "error", "", ""), Finding("duplicates", "warning", "", "", "known")])
    '1 error, 1 waived'
    """
    kinds = ["waived" if finding.waived is not None else finding.severity for finding in findings]
    numbers = {kind: kinds.count(kind) for kind in ("error", "warning", "waived")}
    return ", ".join(
        f"{number} {kind}{'s' if number > 1 and kind != 'waived' else ''}" for kind, number in numbers.items() if number
    )
