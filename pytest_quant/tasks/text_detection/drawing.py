"""What there is to see of text in an image: the regions."""

from __future__ import annotations

import numpy as np

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.text_region import TextTruth
from pytest_quant.tasks.drawing import Drawing, Outline, Scene, counted, points_of
from pytest_quant.tasks.text_detection.prediction import TextPrediction


def draw_truth(sample: Sample, scene: Scene) -> Drawing:
    """All regions; those that do not count are dashed."""
    regions: TextTruth = sample.truth
    outlines = tuple(Outline(points_of(region.polygon), dashed=region.ignore) for region in regions)
    return Drawing(counted("region", (one for one in outlines if not one.dashed)), outlines)


def draw_answer(prediction: TextPrediction, scene: Scene) -> Drawing:
    """The regions at the score threshold that both sides are scored at."""
    threshold = scene.details.get("score_threshold")
    # A score is a float32 that is compared in float64, as where it is counted.
    scores = prediction.scores.astype(np.float32).astype(np.float64).tolist()
    shown = [
        (polygon, score)
        for polygon, score in zip(prediction.polygons, scores, strict=True)
        if threshold is None or score >= threshold
    ]
    outlines = tuple(Outline(points_of(polygon), f"{score:.2f}") for polygon, score in shown)
    return Drawing(counted("region", outlines), outlines)
