"""Intersection over union and pixel accuracy of a dataset, also for resamples of its images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.semantic_segmentation.counts import PixelCounts
from pytest_quant.tasks.semantic_segmentation.options import Void

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """The metrics in percent; the leading axis is that of the resamples."""

    iou: Array
    """Shape (resamples, classes); NaN for a class that is neither in the truth nor predicted."""
    accuracy: Array
    """Shape (resamples, classes); NaN for a class that is not in the truth."""
    pixel_accuracy: Array
    """Shape (resamples,); NaN where no pixel counts."""

    @property
    def values(self) -> dict[str, Array]:
        """The metrics by name: mIoU and mAcc are means over the classes that are no NaN."""
        return {"mIoU": _mean(self.iou), "mAcc": _mean(self.accuracy), "aAcc": self.pixel_accuracy}


def scores(counts: PixelCounts, multiplicities: NDArray[np.int64] | None = None, void: Void = "ignored") -> Scores:
    """The metrics of a dataset as mmseg has them: counts are added up over the images first.

    Args:
        counts: Of its images, arrays of shape (images, classes).
        multiplicities: How often each image is drawn, shape (resamples, images); None: once each.
        void: What predictions on void pixels are; they matter to the union alone.

    >>> one = np.array([[1, 0]])
    >>> scores(PixelCounts(one, one, one * 2, one * 0)).values["mIoU"]
    array([50.])

    """
    drawn = np.ones((1, len(counts.labelled)), np.int64) if multiplicities is None else multiplicities
    # In float64 sums of whole numbers are exact up to 2**53 pixels, and far faster than in integers.
    hits, predicted, labelled, on_void = (
        drawn.astype(np.float64) @ part.astype(np.float64)
        for part in (counts.intersection, counts.predicted, counts.labelled, counts.predicted_on_void)
    )
    union = predicted + labelled - hits + (on_void if void == "false-positive" else 0)
    return Scores(
        iou=100 * _share(hits, union),
        accuracy=100 * _share(hits, labelled),
        pixel_accuracy=100 * _share(hits.sum(axis=1), labelled.sum(axis=1)),
    )


def _share(part: Array, whole: Array) -> Array:
    shares: Array = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return shares


def _mean(values: Array) -> Array:
    """The mean over the last axis of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    return _share(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))
