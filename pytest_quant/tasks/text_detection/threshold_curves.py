"""Hmean, precision and recall of both sides over the score threshold."""

from __future__ import annotations

from pytest_quant.tasks.base import Comparison
from pytest_quant.tasks.drawing import Curve, curve_points
from pytest_quant.tasks.text_detection.comparison import DetectionComparison
from pytest_quant.tasks.text_detection.hmean import curves


def threshold_curves(comparison: Comparison) -> tuple[Curve, ...]:
    """One curve per metric; none where the protocol takes all predictions, whatever their scores."""
    if not isinstance(comparison, DetectionComparison):
        return ()
    thresholds = [value for value in comparison.counts["fp32"].profile.thresholds if value is not None]
    if len(thresholds) < 2:
        return ()
    sides = {str(side): curves(counts) for side, counts in comparison.counts.items()}
    chosen = comparison.details["score_threshold"]
    return tuple(
        Curve(
            f"{name} over the score threshold",
            "score threshold",
            name,
            {side: curve_points(thresholds, getattr(found, name)) for side, found in sides.items()},
            mark=chosen,
        )
        for name in ("hmean", "precision", "recall")
    )
