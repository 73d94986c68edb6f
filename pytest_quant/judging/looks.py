"""When an evaluation is looked at on the way: for limits on metrics that no test decides sample by sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evidence.looks import LookPlan
from pytest_quant.judging.limits.base import JudgedLimit


@dataclass(frozen=True)
class Looks:
    """Says at a look whether the limits of a model are all decided there."""

    limits: tuple[JudgedLimit, ...]
    plan: LookPlan
    confidence: float

    def is_enough(self, measurement: Measurement) -> bool:
        """Whether each verdict at this look is PASS or FAIL.

        A look takes no decision over from the one before: what the report shows is what decided.
        """
        return all(self._is_decided(limit, measurement) for limit in self.limits)

    def _is_decided(self, limit: JudgedLimit, measurement: Measurement) -> bool:
        if limit.metric is None or limit.metric.name not in measurement.comparison.metrics:
            return False  # its case says so
        return limit.decision_at_look(measurement, self.confidence) in limit.certain_decisions


def planned_looks(limits: Iterable[JudgedLimit], samples: int, total: int, confidence: float) -> Looks | None:
    """The looks at an evaluation of ``samples`` of ``total``; None where it is not looked at.

    That is a model with a limit that looks cannot decide either, or with so few samples that there is no look.
    """
    waited_for = tuple(limit for limit in limits if limit.stops_early)
    plan = LookPlan.of(samples, total)
    if not waited_for or not all(limit.takes_looks for limit in waited_for) or len(plan.sizes) == 1:
        return None
    return Looks(waited_for, plan, confidence)
