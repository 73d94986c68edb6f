"""Evaluation that is looked at a few times on the way, at planned numbers of samples.

For what no test decides sample by sample. Nothing is evaluated beyond a look before it is known to be wanted, so all
processes of a run come to the same look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evidence.looks import Look, LookPlan
from pytest_quant.spec.errors import DatasetError


@runtime_checkable
class LookRule(Protocol):
    """When to look, and what is enough."""

    @property
    def plan(self) -> LookPlan:
        """The looks; the last is at all samples that are to be evaluated."""
        ...

    def is_enough(self, measurement: Measurement) -> bool:
        """Whether what was measured at a look decides everything."""
        ...


class NothingToScoreError(DatasetError):
    """The samples so far hold nothing that a metric could be of; more of them may."""


def look_until(rule: LookRule, measure: Callable[[Look], Measurement]) -> Measurement:
    """The measurement at the first look that is enough, else at the last; it has those of the looks before."""
    earlier: list[Measurement] = []
    for look in rule.plan.looks:
        try:
            found = replace(measure(look), earlier=tuple(earlier))
        except NothingToScoreError:
            if look.is_last:
                raise
            continue
        if look.is_last or rule.is_enough(found):
            break
        earlier.append(found)
    return found
