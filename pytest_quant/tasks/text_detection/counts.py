"""What each image adds to hmean: regions, predictions and matches at every score threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_quant.tasks.text_detection.matching import matched_regions
from pytest_quant.tasks.text_detection.overlap import inside_share, intersection_over_union, polygon_set
from pytest_quant.tasks.text_detection.profiles import HmeanProfile


@dataclass(frozen=True)
class ImageCounts:
    """One image; don't-care regions and the predictions inside them are left out."""

    found: NDArray[np.bool_]
    """Shape (thresholds, regions): which regions have a match."""
    predictions: NDArray[np.int64]
    """Shape (thresholds,): how many predictions count."""

    @property
    def hits(self) -> NDArray[np.int64]:
        """Shape (thresholds,): how many regions have a match."""
        hits: NDArray[np.int64] = self.found.sum(axis=1, dtype=np.int64)
        return hits

    @property
    def regions(self) -> int:
        """How many regions count."""
        return int(self.found.shape[1])


def count_image(
    polygons: Sequence[ArrayLike],
    scores: ArrayLike,
    regions: Sequence[ArrayLike],
    ignored: ArrayLike,
    profile: HmeanProfile,
) -> ImageCounts:
    """Compare the predictions of one image with its ground truth.

    Args:
        polygons: Predictions, each (x1, y1, x2, y2, ...) or of shape (points, 2), in the decoder's order.
        scores: Their scores, shape (predictions,).
        regions: Ground-truth polygons in the order of their file.
        ignored: bool, shape (regions,): the don't-care regions.
        profile: The way of counting.

    >>> from pytest_quant.tasks.text_detection.profiles import PROFILES
    >>> square = [0, 0, 9, 0, 9, 9, 0, 9]
    >>> counts = count_image([square], [0.65], [square], [False], PROFILES["mmocr-0.x"])
    >>> counts.hits.tolist(), counts.predictions.tolist(), counts.regions
    ([1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0], 1)

    """
    predicted, truth = polygon_set(polygons, profile), polygon_set(regions, profile)
    dont_care = np.asarray(ignored, np.bool_).reshape(len(truth))
    cared = truth.subset(~dont_care)
    counted = inside_share(predicted, truth.subset(dont_care), profile) <= profile.ignore_threshold
    overlaps = intersection_over_union(cared, predicted) > profile.iou_threshold
    taken = [counted & above for above in _above_thresholds(scores, profile)]
    return ImageCounts(
        np.array([matched_regions(overlaps & chosen, profile.match) for chosen in taken]).reshape(
            len(taken), len(cared)
        ),
        np.array([np.count_nonzero(chosen) for chosen in taken], np.int64),
    )


def _above_thresholds(scores: ArrayLike, profile: HmeanProfile) -> list[NDArray[np.bool_]]:
    """For each threshold which predictions reach it; scores are float32, as nets give them, compared in float64."""
    values = np.asarray(scores, np.float32).astype(np.float64)
    anyway = np.ones(values.shape, np.bool_) if profile.above is None else values > profile.above
    return [anyway if threshold is None else anyway & (values >= threshold) for threshold in profile.thresholds]


@dataclass(frozen=True)
class Counts:
    """All images of one side, in the order of the samples."""

    hits: NDArray[np.int64]
    """Shape (images, thresholds)."""
    predictions: NDArray[np.int64]
    """Shape (images, thresholds)."""
    regions: NDArray[np.int64]
    """Shape (images,)."""
    profile: HmeanProfile

    @classmethod
    def of(cls, images: Sequence[ImageCounts], profile: HmeanProfile) -> Counts:
        """Put images together."""
        shape = (len(images), len(profile.thresholds))
        return cls(
            np.array([image.hits for image in images], np.int64).reshape(shape),
            np.array([image.predictions for image in images], np.int64).reshape(shape),
            np.array([image.regions for image in images], np.int64),
            profile,
        )
