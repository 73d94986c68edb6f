"""What is kept of a pose net's work on one image, and how it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.base import Arrays
from pytest_quant.tasks.keypoints.coco import KEYPOINTS
from pytest_quant.tasks.keypoints.heatmap import Points


@dataclass(frozen=True, eq=False)
class PosePrediction:
    """The keypoints found in the n boxes of one image, in the order of its boxes."""

    keypoints: Points
    """Shape (n, 17, 2): x and y in pixels of the image; float64 where the decoder refines in it, else float32."""
    scores: NDArray[np.float32]
    """Shape (n, 17)."""

    @classmethod
    def of(cls, poses: Sequence[tuple[Points, NDArray[np.float32]]]) -> PosePrediction:
        """Join the coordinates (17, 2) and scores (17,) of each box; there may be none."""
        if not poses:
            return cls(np.zeros((0, KEYPOINTS, 2), np.float32), np.zeros((0, KEYPOINTS), np.float32))
        return cls(np.stack([points for points, _ in poses]), np.stack([scores for _, scores in poses]))

    def answer(self) -> bytes:
        """The heights of the heatmaps' peaks: where they lie depends on the boxes, too."""
        return np.unique(self.scores, axis=0).tobytes()


def pack_predictions(predictions: Sequence[PosePrediction]) -> Arrays:
    """Predictions of one net as arrays: ``boxes`` per image, and ``keypoints`` and ``scores`` of all boxes."""
    empty = PosePrediction.of([])
    filled = [prediction for prediction in predictions if len(prediction.scores)] or [empty]
    return {
        "boxes": np.array([len(prediction.scores) for prediction in predictions], np.int64),
        "keypoints": np.concatenate([prediction.keypoints for prediction in filled]),
        "scores": np.concatenate([prediction.scores for prediction in filled]),
    }


def unpack_predictions(arrays: Arrays) -> list[PosePrediction]:
    """The reverse of `pack_predictions`."""
    counts = np.asarray(arrays["boxes"], np.int64)
    keypoints, scores = _floats(arrays["keypoints"]), np.asarray(arrays["scores"], np.float32)
    ends = np.cumsum(counts)
    return [
        PosePrediction(keypoints[start:end], scores[start:end]) for start, end in zip(ends - counts, ends, strict=True)
    ]


def _floats(array: NDArray[np.generic]) -> Points:
    """In the precision that they were packed in."""
    return np.asarray(array, np.float64 if array.dtype == np.float64 else np.float32)
