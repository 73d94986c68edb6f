"""What there is to see of a classified sample: names and scores."""

from __future__ import annotations

from pytest_quant.datasets.base import Sample
from pytest_quant.tasks.classification.prediction import ClassPrediction
from pytest_quant.tasks.drawing import Drawing, Scene


def draw_truth(sample: Sample, scene: Scene) -> Drawing:
    """The class in words."""
    return Drawing(scene.name_of(int(sample.truth)))


def draw_answer(prediction: ClassPrediction, scene: Scene) -> Drawing:
    """The first class with its score as the net gave it, and the second.

    >>> draw_answer(ClassPrediction((1, 0), (0.75, 0.25), 2), Scene(8, 8, ("cat", "dog"))).caption
    'dog 0.75, cat 0.25'
    """
    pairs = list(zip(prediction.classes, prediction.scores, strict=True))[:2]
    return Drawing(", ".join(f"{scene.name_of(label)} {score:.3g}" for label, score in pairs))
