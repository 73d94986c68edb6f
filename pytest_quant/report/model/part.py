"""What the report of a part carries beside its cases: all that the merge takes."""

from __future__ import annotations

from pytest_quant.evaluation.parts.content import Content
from pytest_quant.report.model.base import Entry


class PartEntry(Entry):
    """One part of a run, for ``pytest-quant merge``."""

    index: int
    """Counted from 1."""
    of: int
    """How many parts there are."""
    tests: tuple[str, ...]
    """The accuracy tests that were selected, sorted."""
    models: dict[str, Content]
    """By zoo file and name."""
    datasets: dict[str, Content]
    """By zoo file and name."""
