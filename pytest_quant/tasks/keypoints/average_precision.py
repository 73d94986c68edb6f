"""AP and AR from matched poses, and their values for resamples of images.

``accumulate`` and ``summarize`` of COCOeval, for many weightings of the images at once: an image that was drawn twice
counts as two images with the same poses and persons. (Where two poses of one image have the same score, which of them
comes first is arbitrary, and need not be what COCOeval would do with the two images.) Only the poses that found
somebody need to be looked at one by one, since precision rises at them alone; false alarms in between are summed up by
a sparse product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from pytest_quant.tasks.keypoints.coco import RECALL_THRESHOLDS
from pytest_quant.tasks.keypoints.matching import Bools, Floats, Ints, Matches

_VALUES_AT_ONCE = 1 << 18
"""Resamples times poses of one step, so that its arrays stay in the processor's cache."""


@dataclass(frozen=True)
class AveragePrecision:
    """AP of one side: the mean precision over 101 recalls and the OKS thresholds.

    >>> one = np.zeros(1, np.int64)
    >>> right = np.ones((10, 1), np.bool_)
    >>> AveragePrecision(1, Matches(one, np.ones(1), right, ~right, one, right))(np.ones((1, 1), np.int64))
    array([1.])
    """

    images: int
    matches: Matches
    """At the OKS thresholds to average over."""

    def __call__(self, counts: NDArray[np.int64]) -> Floats:
        """Values of shape (resamples,) for counts of shape (resamples, images); NaN where nobody was to be found."""
        return np.concatenate([np.empty(0), *(self._values(chunk) for chunk in self._chunks(_checked(self, counts)))])

    def _chunks(self, counts: Ints) -> Iterator[Ints]:
        size = max(1, _VALUES_AT_ONCE // max(1, len(self._decisive.image)))
        return (counts[start : start + size] for start in range(0, len(counts), size))

    @cached_property
    def _decisive(self) -> _Decisive:
        return _decisive(self.matches, self.images)

    def _values(self, counts: Ints) -> Floats:
        poses = self._decisive
        persons = _person_counts(self.matches, counts)
        weights = counts.take(poses.image, axis=1)
        always_wrong = np.cumsum(counts @ poses.always_wrong, axis=1)
        needed = _needed(persons)
        precision = np.empty((len(counts), len(poses.right), len(RECALL_THRESHOLDS)))
        for level, (right, wrong) in enumerate(zip(poses.right, poses.wrong, strict=True)):
            places = np.flatnonzero(right)
            hits = np.cumsum(weights.take(places, axis=1), axis=1)
            false_alarms = np.cumsum(weights * wrong, axis=1).take(places, axis=1) + always_wrong.take(places, axis=1)
            precision[:, level] = _precision(hits, false_alarms, needed)
        values: Floats = precision.reshape(len(counts), -1).mean(axis=1)
        return np.where(persons > 0, values, np.nan)


@dataclass(frozen=True)
class AverageRecall:
    """AR of one side: the mean share of persons found over the OKS thresholds."""

    images: int
    matches: Matches
    """At the OKS thresholds to average over."""

    def __call__(self, counts: NDArray[np.int64]) -> Floats:
        """Values of shape (resamples,) for counts of shape (resamples, images); NaN where nobody was to be found."""
        checked = _checked(self, counts)
        persons = _person_counts(self.matches, checked)
        found = np.stack([np.bincount(self.matches.image[row], minlength=self.images) for row in self.matches.right])
        recall = (checked @ found.T) / np.maximum(persons, 1)[:, np.newaxis]
        return np.where(persons > 0, recall.mean(axis=1), np.nan)


def _checked(metric: AveragePrecision | AverageRecall, counts: NDArray[np.int64]) -> Ints:
    if counts.ndim != 2 or counts.shape[1] != metric.images or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError(
            f"counts of shape {counts.shape} and dtype {counts.dtype}; expected integers from 0 of shape "
            f"(resamples, {metric.images})"
        )
    return counts.astype(np.int64, copy=False)


def _person_counts(matches: Matches, counts: Ints) -> Ints:
    """How many persons there are to be found in each resample."""
    persons: Ints = counts @ np.bincount(matches.person_image, minlength=counts.shape[1])
    return persons


@dataclass(frozen=True)
class _Decisive:
    """The poses, by falling score, that are not a false alarm at every threshold; m of them."""

    image: Ints
    """Shape (m,)."""
    right: Bools
    """Shape (thresholds, m)."""
    wrong: Bools
    """Shape (thresholds, m)."""
    always_wrong: csr_array
    """Shape (images, m): the other poses of each image, at the first decisive pose behind them."""


def _decisive(matches: Matches, images: int) -> _Decisive:
    order = np.argsort(-matches.score, kind="stable")
    right, wrong, image = matches.right[:, order], matches.wrong[:, order], matches.image[order]
    decisive = np.flatnonzero(right.any(axis=0))
    rest = np.setdiff1d(np.flatnonzero(wrong.any(axis=0)), decisive)
    always = rest[wrong[:, rest].all(axis=0)]
    sometimes = np.setdiff1d(rest, always)
    decisive = np.union1d(decisive, sometimes)
    behind = np.searchsorted(decisive, always)
    seen = behind < len(decisive)
    ones = np.ones(int(seen.sum()), np.int64)
    sums = csr_array((ones, (image[always[seen]], behind[seen])), shape=(images, len(decisive)))
    return _Decisive(image[decisive], right[:, decisive], wrong[:, decisive], sums)


def _needed(persons: Ints) -> Ints:
    """How many must be found to reach each recall, shape (resamples, 101), by the division that COCOeval compares."""
    total = np.maximum(persons, 1)[:, np.newaxis]
    guess = np.ceil(RECALL_THRESHOLDS * total).astype(np.int64)
    guess -= (guess > 0) & ((guess - 1) / total >= RECALL_THRESHOLDS)
    guess += guess / total < RECALL_THRESHOLDS
    return guess


def _precision(hits: Ints, false_alarms: Ints, needed: Ints) -> Floats:
    """The greatest precision at or beyond each recall, shape (resamples, 101); 0 where the recall is not reached.

    ``hits`` and ``false_alarms``: how many of both there are up to each right pose, shape (resamples, right poses).
    """
    rows, poses = hits.shape
    best = np.zeros((rows, poses + 1))
    best[:, :poses] = hits / (false_alarms + hits + np.spacing(1))
    best = np.maximum.accumulate(best[:, ::-1], axis=1)[:, ::-1]
    row = np.arange(rows)[:, np.newaxis]
    step = int(max(hits.max(initial=0), needed.max(initial=0))) + 1
    place = np.searchsorted((hits + row * step).ravel(), needed + row * step) - row * poses
    return np.take_along_axis(best, place, axis=1)
