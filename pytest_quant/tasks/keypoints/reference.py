"""Poses that a net found in the place of annotated ones, and images of one person without annotations."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import numpy as np

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_keypoints import Box, PoseTruth, truth_of
from pytest_quant.datasets.coco_persons import Person
from pytest_quant.tasks.keypoints.prediction import PosePrediction

_VISIBLE = 2
_AREA_SHARE = 0.53
"""Share of its box that a person covers, where nothing else is known (as in xtcocotools)."""


def crop_of_person(sample: Sample, image: Image, padding: float) -> Sample:
    """A sample whose image is the crop of one person: its box, ``padding`` times as large, is the whole image."""
    height, width = image.shape[:2]
    half = np.array([width, height]) / 2 / padding
    left, top = (np.array([width, height]) / 2 - half).tolist()
    right, bottom = (np.array([width, height]) / 2 + half).tolist()
    number = crc32(sample.id.encode())
    known = CocoImage(number, sample.id, width, height)
    return replace(sample, truth=PoseTruth(known, (), (Box(f"{number}/crop", (left, top, right, bottom), 1.0),)))


def found_persons(sample: Sample, prediction: PosePrediction, threshold: float) -> Sample:
    """The sample with the poses found in its boxes as persons; keypoints with a score above ``threshold`` count."""
    truth = truth_of(sample)
    persons = []
    for index, (box, points, scores) in enumerate(
        zip(truth.boxes, prediction.keypoints, prediction.scores, strict=True)
    ):
        left, top, right, bottom = box.corners
        seen = scores > threshold
        rows = np.column_stack([points, np.where(seen, _VISIBLE, 0)]) * np.where(seen, 1, 0)[:, None]
        persons.append(
            Person(
                id=index + 1,
                box=(left, top, right - left, bottom - top),
                area=_AREA_SHARE * (right - left) * (bottom - top),
                keypoints=tuple(rows.reshape(-1).tolist()),
                labelled=int(seen.sum()),
                crowd=False,
            )
        )
    return replace(sample, truth=replace(truth, persons=tuple(persons)))
