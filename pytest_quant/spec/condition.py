"""Conditions of an evaluation, as training config files tell them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Untold:
    """A condition that a training config file leaves open, and why."""

    reason: str
    """What was found, where, and what to do."""
