"""How the bounds of the drop closed in until an early stop: sample by sample, or look by look."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evidence.interval import Interval
from pytest_quant.judging.evidence import drop_interval
from pytest_quant.judging.intervals import measured_drop
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.report.model.illustration import CurveEntry, Place
from pytest_quant.tasks.base import MetricPair, RightWrong

_LOOKS = 24
"""At so many sizes; each takes some milliseconds."""
_FIRST = 10


_Point = tuple[int, float, Interval]
"""At how many samples, the drop, and its bounds."""


def stopping_curve(measurement: Measurement, confidence: float) -> Iterator[CurveEntry]:
    """Of the task's first metric, where the evaluation stopped early; each bound holds at all times at once."""
    pair = next(iter(measurement.comparison.metrics.values()))
    if not measurement.stopped_early:
        return
    points = list(_points(measurement, pair, confidence))
    if not points:
        return
    lines: dict[str, list[Place]] = {"drop": [], "upper bound": [], "lower bound": []}
    for size, drop, bounds in points:
        for name, value in (("drop", drop), ("upper bound", bounds.high), ("lower bound", bounds.low)):
            lines[name].append((size, round(value, 4)))
    tolerances = (limit for limit in measurement.model.limits if isinstance(limit, Tolerance) and not limit.relative)
    allowed = [limit.amount for limit in tolerances if limit.metric == pair.metric]
    if allowed:
        lines["limit"] = [(points[0][0], allowed[0]), (measurement.evaluated, allowed[0])]
    title = f"Early stop: the drop of {pair.metric.name} and its bounds"
    if measurement.look is not None:
        title += f" at {len(points)} of {measurement.look.count} looks"
    drawn = {name: tuple(places) for name, places in lines.items()}
    yield CurveEntry(title=title, x="samples", y=f"drop ({pair.metric.unit})", lines=drawn)


def _points(measurement: Measurement, pair: MetricPair, confidence: float) -> Iterator[_Point]:
    if measurement.look is not None:
        for one in (*measurement.earlier, measurement):
            if pair.metric.name in one.comparison.metrics:
                seen = one.comparison.metrics[pair.metric.name]
                yield one.evaluated, seen.drop, measured_drop(one, seen, confidence)
        return
    evidence = pair.evidence
    if not isinstance(evidence, RightWrong):
        return
    first = min(_FIRST, measurement.evaluated)
    for size in np.unique(np.geomspace(first, measurement.evaluated, _LOOKS).round().astype(int)).tolist():
        part = MetricPair(pair.metric, 0.0, 0.0, RightWrong(evidence.fp32[:size], evidence.int8[:size]))
        yield size, part.drop, drop_interval(part, population=measurement.total, confidence=confidence, sequential=True)
