"""What is kept of one image: how many pixels of each class are right, and the answers at some of its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.masks import VOID, Labels
from pytest_quant.tasks.base import Arrays
from pytest_quant.tasks.semantic_segmentation.counts import PixelCounts, count_pixels
from pytest_quant.tasks.semantic_segmentation.decoder import Answers
from pytest_quant.tasks.semantic_segmentation.lattice import lattice
from pytest_quant.tasks.semantic_segmentation.likely import LikelyAnswers, expected_counts


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
    likely: LikelyAnswers | None = None
    """How likely the net takes the classes there; known until the prediction is kept."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SegmentationPrediction):
            return NotImplemented
        mine, theirs = pack_predictions([self]), pack_predictions([other])
        return all(np.array_equal(mine[name], theirs[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]  # arrays inside

    def answer(self) -> bytes:
        """The classes at some of the pixels; a single class is the same for images of any size."""
        answers = self.answers
        return (answers[:1] if (answers == answers[:1]).all() else answers).tobytes()


@dataclass(frozen=True, eq=False)
class ReferenceAnswers:
    """What one net answered at the lattice of an image, in the place of a ground truth."""

    answers: NDArray[np.uint16]


@dataclass(frozen=True)
class NoTruth:
    """The ground truth of an image that has none: all of it is void."""


def make_prediction(
    answers: Answers, labels: Labels | None, class_count: int, likely: LikelyAnswers | None = None
) -> SegmentationPrediction:
    """A prediction from an answer for each pixel and the ground truth of the same shape; None: all of it is void."""
    truth = np.full(answers.shape, VOID, np.int32) if labels is None else labels
    points = lattice(*answers.shape)
    found, wanted = answers.reshape(-1)[points], truth.reshape(-1)[points]
    return SegmentationPrediction(
        count_pixels(answers, truth, class_count), answers.size, found, found == wanted, wanted != VOID, likely
    )


def against_reference(prediction: SegmentationPrediction, reference: ReferenceAnswers) -> SegmentationPrediction:
    """The prediction with the answers of another net in the place of the ground truth, on the lattice alone."""
    classes = len(prediction.counts.labelled)
    counts = count_pixels(prediction.answers, reference.answers, classes)
    everywhere = np.ones(len(prediction.answers), np.bool_)
    return SegmentationPrediction(
        counts, prediction.pixels, prediction.answers, prediction.answers == reference.answers, everywhere
    )


def against_likely(prediction: SegmentationPrediction, likely: LikelyAnswers) -> SegmentationPrediction:
    """The prediction with what is likely by another net in the place of the ground truth, on the lattice alone."""
    counts = expected_counts(prediction.answers, likely, len(prediction.counts.labelled))
    right = prediction.answers == likely.classes[:, 0]
    return SegmentationPrediction(counts, prediction.pixels, prediction.answers, right, np.ones(len(right), np.bool_))


_COUNTS = tuple(field.name for field in fields(PixelCounts))


def pack_predictions(predictions: Sequence[SegmentationPrediction]) -> Arrays:
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


def unpack_predictions(arrays: Arrays) -> list[SegmentationPrediction]:
    """The reverse of `pack_predictions`."""
    ends = np.cumsum(np.asarray(arrays["points"], np.int64))
    answers = arrays["answers"].astype(np.uint16)
    right, counted = (
        np.unpackbits(np.asarray(arrays[name], np.uint8), count=len(answers)).astype(np.bool_)
        for name in ("right", "counted")
    )
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
