"""How the bounds of the drop closed in until an early stop: the confidence sequence, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.judging.evidence import drop_interval
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.report.model.illustration import CurveEntry, Place
from pytest_quant.tasks.base import MetricPair, RightWrong

_LOOKS = 24
"""At so many sizes; each takes some milliseconds."""
_FIRST = 10


def stopping_curve(measurement: Measurement, confidence: float) -> Iterator[CurveEntry]:
    """Of the task's first metric, where the evaluation stopped early; each bound holds at all times at once."""
    pair = next(iter(measurement.comparison.metrics.values()))
    evidence = pair.evidence
    if not measurement.stopped_early or not isinstance(evidence, RightWrong):
        return
    lines: dict[str, list[Place]] = {"drop": [], "upper bound": [], "lower bound": []}
    first = min(_FIRST, measurement.evaluated)
    for size in np.unique(np.geomspace(first, measurement.evaluated, _LOOKS).round().astype(int)).tolist():
        part = MetricPair(pair.metric, 0.0, 0.0, RightWrong(evidence.fp32[:size], evidence.int8[:size]))
        found = drop_interval(part, population=measurement.total, confidence=confidence, sequential=True)
        for name, value in (("drop", part.drop), ("upper bound", found.high), ("lower bound", found.low)):
            lines[name].append((size, round(value, 4)))
    tolerances = (limit for limit in measurement.model.limits if isinstance(limit, Tolerance) and not limit.relative)
    allowed = [limit.amount for limit in tolerances if limit.metric == pair.metric]
    if allowed:
        lines["limit"] = [(first, allowed[0]), (measurement.evaluated, allowed[0])]
    title = f"Early stop: the drop of {pair.metric.name} and its bounds"
    drawn = {name: tuple(points) for name, points in lines.items()}
    yield CurveEntry(title=title, x="samples", y=f"drop ({pair.metric.unit})", lines=drawn)
