"""The ten numbers of COCO's keypoint evaluation, by pycocotools.

Faster evaluators differ from it in the last digit of some sums. Resamples for an interval take matches of single
images, which `matching` finds by the same rules; tests hold both against each other.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.tasks.keypoints.coco import KEYPOINTS
from pytest_quant.tasks.keypoints.matching import Poses

_STATS = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
"""In the order in which COCOeval prints them."""

_CATEGORY = 1


def evaluate(truths: Sequence[PoseTruth], poses: Poses) -> dict[str, float]:
    """The ten numbers for the poses of all images; a number without any person to be found is left out.

    Args:
        truths: Images and their persons, by rising image id.
        poses: What one side reports; ``poses.image`` counts through ``truths``.

    """
    # An annotation id of 0 would stand for "unmatched", so persons are numbered anew.
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_coco(truths, _persons(truths)), _coco(truths, _results(poses)), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    found = dict(zip(_STATS, map(float, evaluation.stats), strict=False))
    return {name: value for name, value in found.items() if value >= 0}


def _coco(truths: Sequence[PoseTruth], annotations: list[dict[str, Any]]) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": index, "width": t.image.width, "height": t.image.height} for index, t in enumerate(truths)],
        "categories": [{"id": _CATEGORY, "name": "person"}],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco


def _persons(truths: Sequence[PoseTruth]) -> list[dict[str, Any]]:
    persons = [(index, person) for index, truth in enumerate(truths) for person in truth.persons]
    return [
        {
            "id": number,
            "image_id": index,
            "category_id": _CATEGORY,
            "bbox": list(person.box),
            "area": person.area,
            "keypoints": list(person.keypoints),
            "num_keypoints": person.labelled,
            "iscrowd": int(person.crowd),
        }
        for number, (index, person) in enumerate(persons, start=1)
    ]


def _results(poses: Poses) -> list[dict[str, Any]]:
    """As ``loadRes`` makes them; the area is the box's or that of the keypoints' extent, as the zoo entry asks."""
    visible = np.ones((len(poses.keypoints), KEYPOINTS, 1))
    keypoints = np.concatenate([poses.keypoints, visible], axis=2).reshape(len(visible), 3 * KEYPOINTS).tolist()
    return [
        {
            "id": number,
            "image_id": image,
            "category_id": _CATEGORY,
            "keypoints": points,
            "score": score,
            "area": area,
            "bbox": [0.0, 0.0, 0.0, 0.0],
            "iscrowd": 0,
        }
        for number, (image, points, score, area) in enumerate(
            zip(poses.image.tolist(), keypoints, poses.score.tolist(), poses.area.tolist(), strict=True), start=1
        )
    ]
