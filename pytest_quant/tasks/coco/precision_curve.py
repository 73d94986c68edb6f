"""Precision at 101 recalls of one category, for many weightings of the images at once.

Only the answers that found something need to be looked at one by one, since precision rises at them alone; false
alarms in between are summed up by a sparse product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_quant.tasks.coco.matches import RECALL_THRESHOLDS, Bools, Floats, Ints, Matches

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_VALUES_AT_ONCE = 1 << 18
"""Resamples times answers of one step, so that its arrays stay in the processor's cache."""


@dataclass(frozen=True)
class PrecisionCurve:
    """The answers, by falling score, that are not a false alarm at every threshold; m of them."""

    image: Ints
    """Shape (m,)."""
    right: Bools
    """Shape (thresholds, m)."""
    wrong: Bools
    """Shape (thresholds, m)."""
    always_wrong: csr_array
    """Shape (images, m): the other answers of each image, at the first decisive answer behind them."""
    truths_of_image: Ints
    """Shape (images,): how many truths each image has to be found."""

    @classmethod
    def of(cls, matches: Matches, images: int) -> PrecisionCurve:
        """The curve of a category on so many images."""
        from scipy.sparse import csr_array

        order = np.argsort(-matches.score, kind="stable")
        right, wrong, image = matches.right[:, order], matches.wrong[:, order], matches.image[order]
        is_right, is_wrong = right.any(axis=0), wrong.all(axis=0)
        decisive = np.flatnonzero(is_right | (wrong.any(axis=0) & ~is_wrong))
        always = np.flatnonzero(is_wrong)
        behind = np.searchsorted(decisive, always)
        seen = behind < len(decisive)
        ones = np.ones(int(seen.sum()), np.int64)
        sums = csr_array((ones, (image[always[seen]], behind[seen])), shape=(images, len(decisive)))
        truths = np.bincount(matches.truth_image, minlength=images)
        return cls(image[decisive], right[:, decisive], wrong[:, decisive], sums, truths)

    def truths(self, counts: Ints) -> Ints:
        """How many truths there are to be found in each resample, shape (resamples,)."""
        found: Ints = counts @ self.truths_of_image
        return found

    def __call__(self, counts: Ints) -> Floats:
        """Shape (resamples, thresholds, 101) for counts of shape (resamples, images); 0 where there is no truth."""
        precision = np.empty((len(counts), len(self.right), len(RECALL_THRESHOLDS)))
        for rows in self._chunks(len(counts)):
            self._fill(precision[rows], counts[rows])
        return precision

    def _chunks(self, count: int) -> Iterator[slice]:
        size = max(1, _VALUES_AT_ONCE // max(1, len(self.image)))
        return (slice(start, start + size) for start in range(0, count, size))

    def _fill(self, precision: Floats, counts: Ints) -> None:
        weights = counts.take(self.image, axis=1)
        always_wrong = np.cumsum(counts @ self.always_wrong, axis=1)
        needed = _needed(self.truths(counts))
        for level, (right, wrong) in enumerate(zip(self.right, self.wrong, strict=True)):
            places = np.flatnonzero(right)
            hits = np.cumsum(weights.take(places, axis=1), axis=1)
            false_alarms = np.cumsum(weights * wrong, axis=1).take(places, axis=1) + always_wrong.take(places, axis=1)
            precision[:, level] = _precision(hits, false_alarms, needed)


def _needed(truths: Ints) -> Ints:
    """How many must be found to reach each recall, shape (resamples, 101), by the division that COCOeval compares."""
    total = np.maximum(truths, 1)[:, np.newaxis]
    guess: Ints = np.ceil(RECALL_THRESHOLDS * total).astype(np.int64)
    guess -= (guess > 0) & ((guess - 1) / total >= RECALL_THRESHOLDS)
    guess += guess / total < RECALL_THRESHOLDS
    return guess


def _precision(hits: Ints, false_alarms: Ints, needed: Ints) -> Floats:
    """The greatest precision at or beyond each recall, shape (resamples, 101); 0 where the recall is not reached.

    ``hits`` and ``false_alarms``: how many of both there are up to each right answer, shape (resamples, right answers).
    """
    rows, answers = hits.shape
    best: Floats = np.zeros((rows, answers + 1))
    best[:, :answers] = hits / (false_alarms + hits + np.spacing(1))
    best = np.maximum.accumulate(best[:, ::-1], axis=1)[:, ::-1]
    row = np.arange(rows)[:, np.newaxis]
    step = int(max(hits.max(initial=0), needed.max(initial=0))) + 1
    place = np.searchsorted((hits + row * step).ravel(), needed + row * step) - row * answers
    return np.take_along_axis(best, place, axis=1)
