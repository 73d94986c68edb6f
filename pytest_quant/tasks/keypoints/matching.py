"""Matching of predicted poses to ground-truth persons, image by image, with the rules of COCOeval for keypoints.

The result for one side is a `Matches` per range of person areas. It equals what ``evaluateImg`` of pycocotools finds,
to the last bit of every similarity, in a small part of the time; only an annotation id of 0, which pycocotools takes
for "unmatched", is a person like others here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.coco_persons import Person
from pytest_quant.tasks.keypoints.coco import AREAS, KEYPOINTS, MAX_DETECTIONS, OKS_THRESHOLDS, VARIANCES

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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


@dataclass(frozen=True)
class Matches:
    """One side's poses against the persons of one area range, at each of the ten OKS thresholds."""

    image: Ints
    """Of each pose, shape (n,): the image's place. Poses are in the order of `Poses.best`."""
    score: Floats
    """Of each pose, shape (n,)."""
    right: Bools
    """Shape (10, n): the pose found a person."""
    wrong: Bools
    """Shape (10, n): the pose is a false alarm. One that is neither right nor wrong is ignored."""
    person_image: Ints
    """The image of each person to be found, shape (m,)."""
    found: Bools
    """Whether each person was found, shape (10, m)."""


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
    """For each range of `AREAS` which poses are right, by falling score, at each OKS threshold."""
    best = poses.best()
    candidates = list(_candidates(best, persons))
    return {name: _match_area(best, persons, candidates, limits) for name, limits in AREAS.items()}


Candidate = tuple[int, int, float]
"""A pose, a person of the same image and their OKS, which is at least the lowest threshold."""


def _candidates(poses: Poses, persons: Persons) -> Iterator[Candidate]:
    """In the order of poses, then of persons."""
    first = np.searchsorted(persons.image, poses.image, side="left")
    count = np.searchsorted(persons.image, poses.image, side="right") - first
    pose = np.repeat(np.arange(len(poses.image)), count)
    person = np.arange(len(pose)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    for start in range(0, len(pose), _PAIRS_AT_ONCE):
        pair = slice(start, start + _PAIRS_AT_ONCE)
        oks = similarity_to_persons(poses.keypoints[pose[pair]], persons, person[pair])
        near = np.flatnonzero(oks >= OKS_THRESHOLDS[0])
        yield from zip(pose[pair][near].tolist(), person[pair][near].tolist(), oks[near].tolist(), strict=True)


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


def _match_area(
    poses: Poses, persons: Persons, candidates: Sequence[Candidate], limits: tuple[float, float]
) -> Matches:
    low, high = limits
    ignored = persons.ignored | (persons.area < low) | (persons.area > high)
    shape = (len(OKS_THRESHOLDS), len(poses.image))
    right, overlooked = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    found = np.zeros((len(OKS_THRESHOLDS), len(persons.image)), np.bool_)
    rules = _Rules(ignored.tolist(), persons.crowd.tolist())
    for level, threshold in enumerate(np.minimum(OKS_THRESHOLDS, 1 - 1e-10).tolist()):
        for pose, person in rules.pairs(candidates, threshold):
            (overlooked if ignored[person] else right)[level, pose] = True
            found[level, person] = True
    unmatched = ~(right | overlooked)
    wrong = unmatched & ~((poses.area < low) | (poses.area > high))
    return Matches(poses.image, poses.score, right, wrong, persons.image[~ignored], found[:, ~ignored])


@dataclass(frozen=True)
class _Rules:
    """Who may be matched with whom."""

    ignored: Sequence[bool]
    crowd: Sequence[bool]

    def pairs(self, candidates: Sequence[Candidate], threshold: float) -> Iterator[tuple[int, int]]:
        """Each pose that has one with its person: the most similar that no better pose has taken."""
        taken: set[int] = set()
        for pose, group in groupby(candidates, key=itemgetter(0)):
            person = self._choice([(person, oks) for _, person, oks in group if oks >= threshold], taken)
            if person is not None:
                if not self.crowd[person]:
                    taken.add(person)
                yield pose, person

    def _choice(self, persons: Sequence[tuple[int, float]], taken: set[int]) -> int | None:
        """Persons that count come before ignored ones; of equally similar ones the last is chosen."""
        free = [(person, oks) for person, oks in persons if person not in taken]
        counting = [(person, oks) for person, oks in free if not self.ignored[person]]
        ranked = sorted(counting or free, key=itemgetter(1))
        return ranked[-1][0] if ranked else None
