"""Precision over recall of both sides, from the evidence of an average precision."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.tasks.base import Comparison, Resampled
from pytest_quant.tasks.coco.average_precision import AveragePrecision
from pytest_quant.tasks.coco.matches import RECALL_THRESHOLDS
from pytest_quant.tasks.drawing import Curve, curve_points


def precision_curves(comparison: Comparison, metric: str, similarity: str) -> Iterator[Curve]:
    """At the least threshold and on the average over all; ``similarity`` is what the thresholds are of: IoU or OKS."""
    evidence = comparison.metrics[metric].evidence
    if not isinstance(evidence, Resampled):
        return
    sides = {"fp32": evidence.fp32, "int8": evidence.int8}
    found = {side: one.precision() for side, one in sides.items() if isinstance(one, AveragePrecision)}
    for title, of in ((f"{similarity} 0.50", slice(1)), (f"mean of {similarity} 0.50 to 0.95", slice(None))):
        lines = {side: curve_points(RECALL_THRESHOLDS, values[of].mean(axis=0)) for side, values in found.items()}
        yield Curve(f"Precision and recall, {title}", "recall", "precision", lines)
