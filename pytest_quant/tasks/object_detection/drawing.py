"""What there is to see of objects in an image: boxes with names and scores."""

from __future__ import annotations

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import truth_of
from pytest_quant.tasks.drawing import Drawing, Scene, box, counted
from pytest_quant.tasks.object_detection.prediction import Detections

SHOWN_SCORE = 0.3
"""mAP takes nearly all answers, most of which nobody would show."""


def draw_truth(sample: Sample, scene: Scene) -> Drawing:
    """All objects; crowds, in which nothing need be found, are dashed."""
    truth = truth_of(sample)
    boxes = []
    for one in truth.objects:
        left, top, width, height = one.box
        name = truth.classes[one.category] if 0 <= one.category < len(truth.classes) else ""
        boxes.append(box(left, top, left + width, top + height, name, dashed=one.crowd))
    return Drawing(counted("object", (one for one in boxes if not one.dashed)), tuple(boxes))


def draw_answer(sample: Sample, found: Detections, scene: Scene) -> Drawing:
    """What was found at a fair score."""
    names = truth_of(sample).classes
    sure = found[found.scores >= SHOWN_SCORE]
    boxes = []
    for corners, label, score in zip(sure.boxes.tolist(), sure.labels.tolist(), sure.scores.tolist(), strict=True):
        left, top, right, bottom = corners
        name = names[label] if label < len(names) else str(label)
        boxes.append(box(left, top, right, bottom, f"{name} {score:.2f}"))
    return Drawing(f"{counted('object', boxes)} from score {SHOWN_SCORE:g}", tuple(boxes))
