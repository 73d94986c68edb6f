"""From evidence to pass, fail or inconclusive: on the whole dataset, on a subset, and after an early stop."""

from __future__ import annotations

from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evidence.interval import Interval
from pytest_quant.judging.limits.base import JudgedLimit
from pytest_quant.spec.verdict import Decision
from pytest_quant.tasks.base import MetricPair

_SLACK = 1e-9
"""In the metric's unit: a bound that is a whole number of samples must not miss a limit by a rounding error."""


def decision(
    limit: JudgedLimit,
    measurement: Measurement,
    pair: MetricPair,
    *,
    holds: bool,
    excess: Interval,
    confidence: float,
) -> Decision:
    """``holds`` decides on the whole dataset; on a subset the bounds of ``excess``, which must not exceed 0.

    After a look at the verdicts on the way, only the sequential test decides.
    """
    if measurement.is_whole:
        return "pass" if holds else "fail"
    test = limit.sample_test(measurement.total, confidence) if measurement.sequential else None
    if test is not None:
        test.update(pair)
        kept = test.kept
    else:
        kept = True if excess.high <= _SLACK else (False if excess.low > _SLACK else None)
    if kept is None:
        return "inconclusive"
    return "pass" if kept else "fail"
