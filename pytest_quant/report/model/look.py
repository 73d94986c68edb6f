"""At which of its planned looks an evaluation ended."""

from __future__ import annotations

from typing import Literal

from pytest_quant.report.model.base import Entry


class LookEntry(Entry):
    """Of an evaluation whose limits no test decides sample by sample, under ``--quant-early-stop``."""

    number: int
    """From 1; the last where nothing before was enough."""
    planned: tuple[int, ...]
    """At how many samples each look is, or would have been."""
    evidence: Literal["approximate"]
    """Its bounds rest on a bootstrap: the share of wrong verdicts is what simulation says, not a theorem."""
