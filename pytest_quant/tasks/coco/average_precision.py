"""AP and AR from matched answers, and their values for resamples of images.

``accumulate`` and ``summarize`` of COCOeval, for many weightings of the images at once: an image that was drawn twice
counts as two images with the same answers and truths. (Where two answers of one image have the same score, which of
them comes first is arbitrary, and need not be what COCOeval would do with the two images.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.coco.matches import RECALL_THRESHOLDS, Bools, Floats, Ints, Matches
from pytest_quant.tasks.coco.precision_curve import PrecisionCurve

_PRECISIONS_AT_ONCE = 1 << 23
"""Resamples times categories, thresholds and recalls that are held at a time."""


@dataclass(frozen=True)
class AveragePrecision:
    """AP of one side: the mean precision over 101 recalls, the similarity thresholds and the categories.

    A category without a truth to be found is left out of the mean, as in COCOeval.

    >>> one = np.zeros(1, np.int64)
    >>> right = np.ones((10, 1), np.bool_)
    >>> matches = Matches(one, np.ones(1), right, ~right, one, right)
    >>> AveragePrecision(1, [matches])(np.ones((1, 1), np.int64))
    array([1.])
    """

    images: int
    categories: Sequence[Matches]
    """At the similarity thresholds to average over."""

    def __call__(self, counts: NDArray[np.int64]) -> Floats:
        """Values of shape (resamples,) for counts of shape (resamples, images); NaN where nothing was to be found."""
        checked, rows = _checked(self.images, counts), self._rows_at_once
        chunks = (self._means(checked[start : start + rows]) for start in range(0, len(checked), rows))
        return np.concatenate([np.empty(0), *chunks])

    def by_category(self) -> Floats:
        """The measured AP of each category, shape (categories,); NaN where it has no truth to be found."""
        once = np.ones((1, self.images), np.int64)
        return np.concatenate([np.empty(0), *(AveragePrecision(self.images, [one])(once) for one in self.categories)])

    def precision(self) -> Floats:
        """The measured precision at each recall, the mean over the categories, shape (thresholds, 101)."""
        once = np.ones((1, self.images), np.int64)
        precision: Floats = np.mean([curve(once)[0] for curve in self._curves], axis=0)
        return precision

    @cached_property
    def _curves(self) -> list[PrecisionCurve]:
        """Of the categories that have a truth somewhere."""
        return [PrecisionCurve.of(one, self.images) for one in self.categories if len(one.truth_image)]

    @property
    def _rows_at_once(self) -> int:
        values = sum(len(curve.right) * len(RECALL_THRESHOLDS) for curve in self._curves)
        return max(1, _PRECISIONS_AT_ONCE // max(1, values))

    def _means(self, counts: Ints) -> Floats:
        if not self._curves:
            return np.full(len(counts), np.nan)
        precision = np.stack([curve(counts) for curve in self._curves], axis=3)
        return _means(precision, np.stack([curve.truths(counts) > 0 for curve in self._curves], axis=1))


@dataclass(frozen=True)
class AverageRecall:
    """AR of one side: the mean share of truths found, over the similarity thresholds and the categories."""

    images: int
    categories: Sequence[Matches]
    """At the similarity thresholds to average over."""

    def __call__(self, counts: NDArray[np.int64]) -> Floats:
        """Values of shape (resamples,) for counts of shape (resamples, images); NaN where nothing was to be found."""
        checked = _checked(self.images, counts)
        if not self.categories:
            return np.full(len(checked), np.nan)
        recalls, present = zip(*(self._recall(one, checked) for one in self.categories), strict=True)
        return _means(np.stack(recalls, axis=2), np.stack(present, axis=1))

    def _recall(self, matches: Matches, counts: Ints) -> tuple[Floats, Bools]:
        """Shape (resamples, thresholds), and whether there is anything to be found."""
        truths = counts @ np.bincount(matches.truth_image, minlength=self.images)
        found = np.stack([np.bincount(matches.image[row], minlength=self.images) for row in matches.right])
        return (counts @ found.T) / np.maximum(truths, 1)[:, np.newaxis], truths > 0


def _checked(images: int, counts: NDArray[np.int64]) -> Ints:
    if counts.ndim != 2 or counts.shape[1] != images or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError(
            f"counts of shape {counts.shape} and dtype {counts.dtype}; expected integers from 0 of shape "
            f"(resamples, {images})"
        )
    return counts.astype(np.int64, copy=False)


def _means(values: Floats, present: Bools) -> Floats:
    """Means of each resample over everything but the categories that are not present, which stand last.

    All at once and in the order of COCOeval's arrays, on which the last digit depends.
    """
    means = np.full(len(values), np.nan)
    for row in np.flatnonzero(present.any(axis=1)):
        means[row] = values[row].compress(present[row], axis=-1).ravel().mean()
    return means
