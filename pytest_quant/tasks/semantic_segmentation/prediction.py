"""What is kept of one image: how many pixels of each class are right, and the answers at some of its pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.masks import VOID, Labels
from pytest_quant.tasks.semantic_segmentation.counts import PixelCounts, count_pixels
from pytest_quant.tasks.semantic_segmentation.decoder import Answers

LATTICE_PIXELS = 1 << 14
"""At most so many answers of an image are kept: whole label maps of a dataset would take gigabytes."""


@dataclass(frozen=True, eq=False)
class SegmentationPrediction:
    """One side's answer to one image."""

    counts: PixelCounts
    """Against the ground truth, over all pixels."""
    pixels: int
    """Of the image."""
    answers: NDArray[np.uint16]
    """The class at each point of the image's lattice, shape (points,)."""
    right: NDArray[np.bool_]
    """Whether it is that of the ground truth; void pixels are not."""
    counted: NDArray[np.bool_]
    """Whether the ground truth has a class there."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SegmentationPrediction):
            return NotImplemented
        mine, theirs = pack_predictions([self]), pack_predictions([other])
        return all(np.array_equal(mine[name], theirs[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]  # arrays inside


@dataclass(frozen=True, eq=False)
class ReferenceAnswers:
    """What one net answered at the lattice of an image, in the place of a ground truth."""

    answers: NDArray[np.uint16]


@dataclass(frozen=True)
class NoTruth:
    """The ground truth of an image that has none: all of it is void."""


def lattice(height: int, width: int, most: int = LATTICE_PIXELS) -> NDArray[np.int64]:
    """Places of an image, evenly spread and the same for all nets, as indexes into its pixels row by row.

    An image with at most ``most`` pixels has all of them.

    >>> lattice(4, 6, most=6).tolist()
    [7, 9, 11, 19, 21, 23]
    """
    step = max(1.0, math.sqrt(height * width / most))
    rows, columns = (
        ((np.arange(count) + 0.5) * length / count).astype(np.int64)
        for count, length in ((max(1, min(most, int(side / step))), side) for side in (height, width))
    )
    return (rows[:, np.newaxis] * width + columns).reshape(-1)


def make_prediction(answers: Answers, labels: Labels | None, class_count: int) -> SegmentationPrediction:
    """A prediction from an answer for each pixel and the ground truth of the same shape; None: all of it is void."""
    truth = np.full(answers.shape, VOID, np.int32) if labels is None else labels
    points = lattice(*answers.shape)
    found, wanted = answers.reshape(-1)[points], truth.reshape(-1)[points]
    return SegmentationPrediction(
        count_pixels(answers, truth, class_count), answers.size, found, found == wanted, wanted != VOID
    )


def against_reference(prediction: SegmentationPrediction, reference: ReferenceAnswers) -> SegmentationPrediction:
    """The prediction with the answers of another net in the place of the ground truth, on the lattice alone."""
    classes = len(prediction.counts.labelled)
    counts = count_pixels(prediction.answers, reference.answers, classes)
    everywhere = np.ones(len(prediction.answers), np.bool_)
    return SegmentationPrediction(
        counts, prediction.pixels, prediction.answers, prediction.answers == reference.answers, everywhere
    )


_COUNTS = tuple(field.name for field in fields(PixelCounts))


def pack_predictions(predictions: Sequence[SegmentationPrediction]) -> dict[str, NDArray[Any]]:
    """Predictions as arrays: the counts int64 (images, classes), ``pixels`` and ``points`` int64 (images,).

    ``answers`` are those of all images in one row, uint8 where that is enough; ``right`` and ``counted`` as bits.
    """
    classes = len(predictions[0].counts.labelled) if predictions else 0
    answers = np.concatenate([np.empty(0, np.uint16), *(one.answers for one in predictions)])
    return {
        **{
            name: np.array([getattr(one.counts, name) for one in predictions], np.int64).reshape(-1, classes)
            for name in _COUNTS
        },
        "pixels": np.array([one.pixels for one in predictions], np.int64),
        "points": np.array([len(one.answers) for one in predictions], np.int64),
        "answers": answers.astype(np.uint8) if not answers.size or answers.max() < 256 else answers,
        "right": np.packbits(np.concatenate([np.empty(0, np.bool_), *(one.right for one in predictions)])),
        "counted": np.packbits(np.concatenate([np.empty(0, np.bool_), *(one.counted for one in predictions)])),
    }


def unpack_predictions(arrays: Mapping[str, NDArray[Any]]) -> list[SegmentationPrediction]:
    """The reverse of `pack_predictions`."""
    ends = np.cumsum(arrays["points"])
    answers = arrays["answers"].astype(np.uint16)
    right, counted = (np.unpackbits(arrays[name], count=len(answers)).astype(np.bool_) for name in ("right", "counted"))
    return [
        SegmentationPrediction(
            PixelCounts(**{name: arrays[name][index] for name in _COUNTS}),
            int(arrays["pixels"][index]),
            answers[end - points : end],
            right[end - points : end],
            counted[end - points : end],
        )
        for index, (points, end) in enumerate(zip(arrays["points"].tolist(), ends.tolist(), strict=True))
    ]
