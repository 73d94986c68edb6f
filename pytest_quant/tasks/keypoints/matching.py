"""Matching of predicted poses to ground-truth persons, image by image, with the rules of COCOeval for keypoints.

The result for one side is a `Matches` per range of person areas. It equals what ``evaluateImg`` of pycocotools finds,
to the last bit of every similarity, in a small part of the time; only an annotation id of 0, which pycocotools takes
for "unmatched", is a person like others here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pytest_quant.datasets.coco_persons import Person
from pytest_quant.tasks.coco.matches import AREAS, SIMILARITY_THRESHOLDS, Bools, Floats, Ints, Matches
from pytest_quant.tasks.coco.matching import Candidates
from pytest_quant.tasks.coco.matching import match as match_greedily
from pytest_quant.tasks.keypoints.coco import AREA_RANGES, KEYPOINTS, MAX_DETECTIONS, VARIANCES

_PAIRS_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class Persons:
    """The ground truth of all images, flat: n persons."""

    image: Ints
    """Shape (n,), rising: the image's place in the order of evaluation."""
    keypoints: Floats
    """Shape (n, 17, 2), in pixels."""
    labelled: Bools
    """Shape (n, 17)."""
    box: Floats
    """Shape (n, 4): left, top, width, height."""
    area: Floats
    """Shape (n,): of the segmentation, in square pixels."""
    crowd: Bools
    """Shape (n,)."""
    ignored: Bools
    """Shape (n,): crowds, and persons without a labelled keypoint."""


@dataclass(frozen=True)
class Poses:
    """The poses that one side reports, flat: n poses of all images, those of one image in the order of its results."""

    image: Ints
    """Shape (n,), rising: the image's place in the order of evaluation."""
    keypoints: Floats
    """Shape (n, 17, 2), in pixels."""
    score: Floats
    """Shape (n,)."""
    area: Floats
    """Shape (n,), in square pixels; decides whether an unmatched pose counts in an area range."""

    def best(self) -> Poses:
        """The 20 best of each image, by falling score within an image; equal scores keep their order."""
        order = np.lexsort((-self.score, self.image))
        image = self.image[order]
        place = np.arange(len(image)) - np.searchsorted(image, image)
        order = order[place < MAX_DETECTIONS]
        return Poses(self.image[order], self.keypoints[order], self.score[order], self.area[order])


def flat_persons(images: Sequence[Sequence[Person]]) -> Persons:
    """The persons of each image, in the order of evaluation, as arrays."""
    persons = [person for image in images for person in image]
    keypoints = np.array([person.keypoints for person in persons], np.float64).reshape(-1, KEYPOINTS, 3)
    return Persons(
        image=np.repeat(np.arange(len(images)), [len(image) for image in images]),
        keypoints=keypoints[:, :, :2],
        labelled=keypoints[:, :, 2] > 0,
        box=np.array([person.box for person in persons], np.float64).reshape(-1, 4),
        area=np.array([person.area for person in persons], np.float64),
        crowd=np.array([person.crowd for person in persons], np.bool_),
        ignored=np.array([person.crowd or person.labelled == 0 for person in persons], np.bool_),
    )


def match(poses: Poses, persons: Persons) -> dict[str, Matches]:
    """For each of `AREA_RANGES` which poses are right, by falling score, at each OKS threshold."""
    best = poses.best()
    limits = np.array([AREAS[name] for name in AREA_RANGES]).T[:, :, np.newaxis]
    ignored = persons.ignored | (persons.area < limits[0]) | (persons.area > limits[1])
    matched = match_greedily(_candidates(best, persons), len(best.image), ignored, persons.crowd)
    outside = (best.area < limits[0]) | (best.area > limits[1])
    wrong = ~(matched.right | matched.overlooked | outside[:, np.newaxis])
    return {
        name: Matches(
            image=best.image,
            score=best.score,
            right=matched.right[place],
            wrong=wrong[place],
            truth_image=persons.image[~ignored[place]],
            found=matched.found[place][:, ~ignored[place]],
        )
        for place, name in enumerate(AREA_RANGES)
    }


def _candidates(poses: Poses, persons: Persons) -> Candidates:
    """The pairs of a pose and a person of its image that are similar enough for the lowest threshold."""
    first = np.searchsorted(persons.image, poses.image, side="left")
    count = np.searchsorted(persons.image, poses.image, side="right") - first
    pose = np.repeat(np.arange(len(poses.image)), count)
    person = np.arange(len(pose)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    oks = np.empty(len(pose))
    for start in range(0, len(pose), _PAIRS_AT_ONCE):
        pair = slice(start, start + _PAIRS_AT_ONCE)
        oks[pair] = similarity_to_persons(poses.keypoints[pose[pair]], persons, person[pair])
    near = np.flatnonzero(oks >= SIMILARITY_THRESHOLDS[0])
    return Candidates(pose[near], person[near], oks[near], poses.image[pose[near]])


def similarity_to_persons(keypoints: Floats, persons: Persons, which: Ints) -> Floats:
    """Object keypoint similarity of n poses, each with one person, over the person's labelled keypoints.

    A person without a labelled keypoint is similar to a pose as far as it lies within the person's box, doubled.

    Args:
        keypoints: Coordinates of shape (n, 17, 2).
        persons: The ground truth.
        which: Index of the person that each pose is held against, shape (n,).

    Returns:
        Shape (n,), from 0 to 1.

    """
    labelled = persons.labelled[which]
    counts = labelled.sum(axis=1)
    offsets = keypoints - persons.keypoints[which]
    boxed = counts == 0
    offsets[boxed] = _outside(keypoints[boxed], persons.box[which[boxed]])
    labelled[boxed], counts[boxed] = True, KEYPOINTS
    area = persons.area[which, np.newaxis] + np.spacing(1)
    exponents = (offsets[:, :, 0] ** 2 + offsets[:, :, 1] ** 2) / VARIANCES / area / 2
    similarity = np.empty(len(which))
    for count in np.unique(counts):  # sums of equal length, so that they are rounded as in COCOeval
        rows = counts == count
        terms = np.exp(-exponents[rows][labelled[rows]]).reshape(-1, count)
        similarity[rows] = terms.sum(axis=1) / count
    return similarity


def _outside(keypoints: Floats, box: Floats) -> Floats:
    """How far keypoints lie outside of boxes that reach one width and height further on each side."""
    low = (box[:, :2] - box[:, 2:])[:, np.newaxis]
    high = (box[:, :2] + box[:, 2:] * 2)[:, np.newaxis]
    outside: Floats = np.maximum(0, low - keypoints) + np.maximum(0, keypoints - high)
    return outside
