"""What makes a model's measurement meaningless or doubtful: ``sanity`` of a model."""

from __future__ import annotations

from typing import Literal

from pytest_quant.report.model.base import Entry


class FindingEntry(Entry):
    """One finding of a check."""

    check: str
    """The name that ``waive`` takes."""
    severity: Literal["error", "warning"]
    """An error fails the case, a warning does so in a strict run; neither does where it is waived."""
    found: str
    """With numbers."""
    advice: str
    """What to do."""
    waived: str | None = None
    """Why it may stand, as the zoo file says."""

    @property
    def text(self) -> str:
        """In one line."""
        if self.waived is not None:
            return f"{self.check} (waived: {self.waived}): {self.found}"
        return f"{self.check}: {self.found}: {self.advice}"


class SanityEntry(Entry):
    """What all checks found; absent where the case did not run."""

    findings: tuple[FindingEntry, ...]
