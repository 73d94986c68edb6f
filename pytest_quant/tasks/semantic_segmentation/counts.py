"""What each image adds to intersection over union: pixels of each class in truth, prediction and both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.masks import VOID

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class PixelCounts:
    """Pixels by class, int64 of shape (classes,) for one image or (images, classes) for many.

    They are whole numbers of 64 bits; mmseg adds them up in float32, which is inexact from 2**24 pixels on.
    """

    intersection: Counts
    """Of the class in truth and prediction."""
    predicted: Counts
    """Predicted, where the truth is not void."""
    labelled: Counts
    """Of the class in the truth."""
    predicted_on_void: Counts
    """Predicted where the truth is void."""

    @classmethod
    def of(cls, images: Sequence[PixelCounts]) -> PixelCounts:
        """Put images together."""
        return cls(
            np.stack([image.intersection for image in images]),
            np.stack([image.predicted for image in images]),
            np.stack([image.labelled for image in images]),
            np.stack([image.predicted_on_void for image in images]),
        )

    def of_class(self, index: int) -> PixelCounts:
        """Of one class of many images, as arrays of shape (images, 1)."""
        return PixelCounts(*(getattr(self, field.name)[:, index : index + 1] for field in fields(self)))


def count_pixels(
    predicted: NDArray[np.generic], labels: NDArray[np.generic], class_count: int, ignore_index: int = VOID
) -> PixelCounts:
    """Compare one prediction with its ground truth, as mmseg's ``IoUMetric.intersect_and_union``.

    Args:
        predicted: Integers of any shape; one that is not a class is in no histogram of predictions, but its pixel stays
            in that of the truth.
        labels: Integers of the same shape; one that is not a class and not ``ignore_index`` counts for the prediction
            alone.
        class_count: How many classes there are.
        ignore_index: The label of pixels that do not count.

    >>> counts = count_pixels(np.array([[0, 1, 1]]), np.array([[0, 1, -1]]), 2)
    >>> counts.intersection.tolist(), counts.predicted.tolist(), counts.predicted_on_void.tolist()
    ([1, 1], [1, 1], [0, 1])

    """
    # One histogram of pairs: predictions that are not classes become class_count, labels class_count, void one more.
    answers = _folded(predicted, class_count)
    truth = np.where(labels.reshape(-1) == ignore_index, class_count + 1, _folded(labels, class_count))
    pairs = np.bincount(truth * (class_count + 1) + answers, minlength=(class_count + 2) * (class_count + 1))
    table = pairs.reshape(class_count + 2, class_count + 1).astype(np.int64)
    return PixelCounts(
        intersection=table.diagonal()[:class_count].copy(),
        predicted=table[:-1, :class_count].sum(axis=0),
        labelled=table[:class_count].sum(axis=1),
        predicted_on_void=table[-1, :class_count].copy(),
    )


def _folded(values: NDArray[np.generic], class_count: int) -> NDArray[np.int32]:
    flat: NDArray[np.int32] = values.reshape(-1).astype(np.int32)
    if flat.size and (int(flat.max()) >= class_count or int(flat.min()) < 0):
        flat = np.where((flat < 0) | (flat >= class_count), np.int32(class_count), flat)
    return flat
