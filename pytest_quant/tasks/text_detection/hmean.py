"""Precision, recall and their harmonic mean over a dataset, at each threshold, also for resamples of its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_quant.tasks.text_detection.counts import Counts, count_image
from pytest_quant.tasks.text_detection.profiles import HmeanProfile

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """The three metrics by threshold: the last axis is that of the profile's thresholds. All in [0, 1]."""

    precision: Array
    recall: Array
    hmean: Array

    def best(self) -> NDArray[np.intp]:
        """The place of the largest hmean along the last axis, the first of equal ones."""
        places: NDArray[np.intp] = self.hmean.argmax(axis=-1)
        return places


def curves(counts: Counts, multiplicities: NDArray[np.int64] | None = None) -> Curves:
    """The metrics of a dataset.

    Args:
        counts: Of its images.
        multiplicities: How often each image is drawn, shape (resamples, images); None: once each.

    Returns:
        Arrays of shape (thresholds,), or (resamples, thresholds). Without ground truth recall is what the profile
        says, and precision is that too unless something was predicted, when it is 0; without predictions otherwise
        precision is 0.

    """
    drawn = np.ones(len(counts.regions)) if multiplicities is None else multiplicities.astype(np.float64)
    hits, predictions = drawn @ counts.hits, drawn @ counts.predictions
    regions = np.broadcast_to((drawn @ counts.regions)[..., np.newaxis], hits.shape)
    nothing = counts.profile.recall_of_nothing
    recall = np.divide(hits, regions, out=np.full(hits.shape, nothing), where=regions > 0)
    default = np.where((regions == 0) & (predictions == 0), nothing, 0.0)
    precision = np.divide(hits, predictions, out=default, where=predictions > 0)
    total = precision + recall
    hmean = np.divide(2 * precision * recall, total, out=np.zeros(hits.shape), where=total > 0)
    return Curves(precision, recall, hmean)


@dataclass(frozen=True)
class AnnotatedPolygons:
    """Predictions and ground truth of one image, as plain arrays."""

    polygons: Sequence[ArrayLike]
    scores: ArrayLike
    regions: Sequence[ArrayLike]
    ignored: ArrayLike


@dataclass(frozen=True)
class Hmean:
    """The metrics of a dataset at one threshold."""

    hmean: float
    precision: float
    recall: float
    threshold: float | None
    """The score threshold they are taken at; None: every instance."""


def best_hmean(images: Sequence[AnnotatedPolygons], profile: HmeanProfile) -> Hmean:
    """The metrics as their publishers print them: at the threshold of the profile's sweep where hmean is largest.

    >>> from pytest_quant.tasks.text_detection.profiles import PROFILES
    >>> square = [0, 0, 9, 0, 9, 9, 0, 9]
    >>> best_hmean([AnnotatedPolygons([square], [0.9], [square, [20, 0, 29, 0, 29, 9]], [False, False])],
    ...            PROFILES["icdar"])
    Hmean(hmean=0.6666666666666666, precision=1.0, recall=0.5, threshold=None)
    """
    counted = [count_image(image.polygons, image.scores, image.regions, image.ignored, profile) for image in images]
    found = curves(Counts.of(counted, profile))
    return at_threshold(found, int(found.best()), profile)


def at_threshold(found: Curves, index: int, profile: HmeanProfile) -> Hmean:
    """One point of curves of shape (thresholds,)."""
    return Hmean(
        float(found.hmean[index]), float(found.precision[index]), float(found.recall[index]), profile.thresholds[index]
    )
