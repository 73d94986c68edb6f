"""Objects that a net found in the place of annotated ones, for images that have none."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.datasets.coco_detection import CocoObject, DetectionTruth
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.tasks.object_detection.prediction import Detections

REFERENCE_SCORE = 0.5
"""Detections with at least this score stand for objects: most of the others are false alarms, which a metric that
counts them as objects would weigh like the rest. The figures: ``benchmarks/detection.py``."""


def image_without_truth(sample: Sample, image: Image) -> Sample:
    """The sample as an image without objects; how many classes there are is not known."""
    height, width = image.shape[:2]
    return replace(sample, truth=DetectionTruth(CocoImage(crc32(sample.id.encode()), sample.id, width, height), (), ()))


def found_objects(sample: Sample, truth: DetectionTruth, found: Detections) -> Sample:
    """The sample with what was found as its objects."""
    sure = found[found.scores >= REFERENCE_SCORE]
    objects = []
    for number, (corners, label) in enumerate(zip(sure.boxes.tolist(), sure.labels.tolist(), strict=True), start=1):
        left, top, right, bottom = corners
        box = (left, top, right - left, bottom - top)
        objects.append(CocoObject(number, label, box, box[2] * box[3], crowd=False))
    return replace(sample, truth=replace(truth, objects=tuple(objects), is_reference=True))
