"""Intervals of a measured metric pair, in the metric's own unit."""

from __future__ import annotations

from pytest_quant.spec import Side
from pytest_quant.stats.interval import Interval
from pytest_quant.stats.paired import paired_drop_interval
from pytest_quant.stats.proportion import accuracy_interval
from pytest_quant.tasks.base import MetricPair


def drop_interval(pair: MetricPair, *, population: int | None, confidence: float, retain: float = 1.0) -> Interval:
    """Interval of ``retain * fp32 - int8`` in the metric's own unit; ``retain=1`` is the drop.

    ``population`` is the size of the dataset of which the evaluated samples are a random subset; None gives the
    interval for new samples like these. Each bound holds with one-sided ``confidence``.
    """
    found = paired_drop_interval(
        pair.evidence.fp32, pair.evidence.int8, population=population, confidence=confidence, retain=retain
    )
    return _scaled(found, pair.metric.maximum)


def score_interval(pair: MetricPair, side: Side, *, population: int | None, confidence: float) -> Interval:
    """Interval of one side's own value, in the metric's own unit."""
    right = pair.evidence.fp32 if side == "fp32" else pair.evidence.int8
    return _scaled(accuracy_interval(right, population=population, confidence=confidence), pair.metric.maximum)


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(factor * interval.low, factor * interval.high, interval.level, interval.method)
