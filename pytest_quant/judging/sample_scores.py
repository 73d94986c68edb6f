"""Intervals and sequential tests of a metric that is the mean of one score per sample, in its own unit."""

from __future__ import annotations

import numpy as np

from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.means import bootstrap_mean_interval, contrast, contrast_outcomes, mean_interval
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.net import Side
from pytest_quant.tasks.base import SampleScores


def scores_drop_interval(
    scores: SampleScores, metric: Metric, *, population: int | None, confidence: float, retain: float = 1.0
) -> Interval:
    """Interval of ``retain * fp32 - int8``, negated where lower is better; ``retain=1`` is the drop.

    Exact where the metric has a maximum, with any number of samples, fixed or not; else a bootstrap, and it says so.
    """
    better = metric.higher_is_better
    values = contrast(scores.fp32, scores.int8, retain=retain, higher_is_better=better)
    if metric.maximum is None:
        largest = float(max(np.abs(scores.fp32).max(), np.abs(scores.int8).max()))
        return bootstrap_mean_interval(values, scale=largest, population=population, confidence=confidence)
    outcomes = contrast_outcomes(values.size, metric.maximum, retain=retain, higher_is_better=better)
    return mean_interval(values, (outcomes.low, outcomes.high), population=population, confidence=confidence)


def scores_value_interval(
    scores: SampleScores, metric: Metric, side: Side, *, population: int | None, confidence: float
) -> Interval:
    """Interval of one side's own mean; see `scores_drop_interval`."""
    values = scores.fp32 if side == "fp32" else scores.int8
    if metric.maximum is None:
        largest = float(np.abs(values).max())
        return bootstrap_mean_interval(values, scale=largest, population=population, confidence=confidence)
    return mean_interval(values, (0.0, metric.maximum), population=population, confidence=confidence)
