"""Detections matched with annotated objects, category by category, with the rules of COCOeval for boxes.

The result for one side is, per area range and category, a `Matches`. It equals what ``evaluateImg`` of pycocotools
finds, to the last bit of every IoU; only an annotation id of 0, which pycocotools takes for "unmatched", is an object
like others here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pytest_quant.datasets.coco_detection import CocoObject
from pytest_quant.tasks.coco.matches import AREAS, SIMILARITY_THRESHOLDS, Bools, Floats, Ints, Matches
from pytest_quant.tasks.coco.matching import Candidates
from pytest_quant.tasks.coco.matching import match as match_greedily
from pytest_quant.tasks.object_detection.overlap import coco_overlap
from pytest_quant.tasks.object_detection.prediction import Detections

MAX_DETECTIONS = 100
"""Only so many detections of an image and category count, those with the highest scores."""


@dataclass(frozen=True)
class Objects:
    """The ground truth of all images, flat: n objects."""

    group: Ints
    """Shape (n,), rising: category times images plus the image's place in the order of evaluation."""
    box: Floats
    """Shape (n, 4): left, top, width, height."""
    area: Floats
    """Shape (n,): of the segmentation, in square pixels."""
    crowd: Bools
    """Shape (n,)."""


@dataclass(frozen=True)
class Found:
    """What one side found in all images, flat: n detections, at most 100 of an image and category."""

    group: Ints
    """Shape (n,), rising, as in `Objects`; by falling score within a group."""
    box: Floats
    """Shape (n, 4): left, top, width, height."""
    score: Floats
    """Shape (n,)."""


def flat_objects(images: Sequence[Sequence[CocoObject]]) -> Objects:
    """The objects of each image, in the order of evaluation, as arrays sorted by category."""
    objects = [found for image in images for found in image]
    image = np.repeat(np.arange(len(images)), [len(image) for image in images])
    group = np.array([found.category for found in objects], np.int64) * len(images) + image
    order = np.argsort(group, kind="stable")
    return Objects(
        group=group[order],
        box=np.array([found.box for found in objects], np.float64).reshape(-1, 4)[order],
        area=np.array([found.area for found in objects], np.float64)[order],
        crowd=np.array([found.crowd for found in objects], np.bool_)[order],
    )


def flat_found(images: Sequence[Detections]) -> Found:
    """The detections of each image, in the order of evaluation, as arrays sorted by category and falling score."""
    whole = [Detections.none(), *images]
    image = np.repeat(np.arange(len(images)), [len(found) for found in images])
    group = np.concatenate([found.labels for found in whole]).astype(np.int64) * len(images) + image
    score = np.concatenate([found.scores for found in whole]).astype(np.float64)
    corners = np.concatenate([found.boxes for found in whole]).astype(np.float64)
    order = np.lexsort((-score, group))
    sorted_group = group[order]
    order = order[np.arange(len(order)) - np.searchsorted(sorted_group, sorted_group) < MAX_DETECTIONS]
    box = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return Found(group[order], box[order], score[order])


def match(found: Found, objects: Objects, *, images: int, categories: int) -> dict[str, list[Matches]]:
    """For each range of `AREAS` which detections are right, category by category, at each IoU threshold."""
    limits = np.array(list(AREAS.values())).T[:, :, np.newaxis]
    ignored = objects.crowd | (objects.area < limits[0]) | (objects.area > limits[1])
    matched = match_greedily(_candidates(found, objects), len(found.group), ignored, objects.crowd)
    area = found.box[:, 2] * found.box[:, 3]
    outside = (area < limits[0]) | (area > limits[1])
    wrong = ~(matched.right | matched.overlooked | outside[:, np.newaxis])
    edges = np.arange(categories + 1) * images
    of_found, of_objects = np.searchsorted(found.group, edges), np.searchsorted(objects.group, edges)

    def of_category(place: int, category: int) -> Matches:
        mine = slice(of_found[category], of_found[category + 1])
        theirs = slice(of_objects[category], of_objects[category + 1])
        counts = ~ignored[place, theirs]
        return Matches(
            image=found.group[mine] % images,
            score=found.score[mine],
            right=matched.right[place, :, mine],
            wrong=wrong[place, :, mine],
            truth_image=objects.group[theirs][counts] % images,
            found=matched.found[place, :, theirs][:, counts],
        )

    return {name: [of_category(place, one) for one in range(categories)] for place, name in enumerate(AREAS)}


def _candidates(found: Found, objects: Objects) -> Candidates:
    """The pairs of a detection and an object of its image and category that overlap enough for the lowest threshold."""
    first = np.searchsorted(objects.group, found.group, side="left")
    count = np.searchsorted(objects.group, found.group, side="right") - first
    one = np.repeat(np.arange(len(found.group)), count)
    other = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    overlap = coco_overlap(found.box[one], objects.box[other], objects.crowd[other])
    near = np.flatnonzero(overlap >= SIMILARITY_THRESHOLDS[0])
    return Candidates(one[near], other[near], overlap[near], found.group[one[near]])
