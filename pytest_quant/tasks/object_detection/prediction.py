"""What is kept of a detector's work on one image, and how it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.base import Arrays

Boxes = NDArray[np.float32]
"""Left, top, right and bottom of n boxes, shape (n, 4)."""
Scores = NDArray[np.float32]
"""Shape (n,), in [0, 1]."""
Labels = NDArray[np.int32]
"""Shape (n,): the class, from 0, in the order of the net's outputs."""


@dataclass(frozen=True, eq=False)
class Detections:
    """The n objects found in one image, by falling score."""

    boxes: Boxes
    """In pixels of the image; may reach beyond it."""
    scores: Scores
    labels: Labels

    @classmethod
    def none(cls) -> Detections:
        """Nothing was found."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))

    def __len__(self) -> int:
        """How many there are."""
        return len(self.scores)

    def __getitem__(self, which: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Detections:
        """Some of them, by index, mask or slice."""
        return Detections(self.boxes[which], self.scores[which], self.labels[which])

    def answer(self) -> bytes:
        """Scores and classes: where the boxes lie depends on the size of the image, too."""
        return self.scores.tobytes() + self.labels.tobytes()


def pack_predictions(predictions: Sequence[Detections]) -> Arrays:
    """Predictions of one net as arrays: ``counts`` per image, and ``boxes``, ``scores`` and ``labels`` of all."""
    everything = [Detections.none(), *predictions]
    return {
        "counts": np.array([len(prediction) for prediction in predictions], np.int64),
        "boxes": np.concatenate([prediction.boxes for prediction in everything]),
        "scores": np.concatenate([prediction.scores for prediction in everything]),
        "labels": np.concatenate([prediction.labels for prediction in everything]),
    }


def unpack_predictions(arrays: Arrays) -> list[Detections]:
    """The reverse of `pack_predictions`."""
    boxes, scores = (np.asarray(arrays[name], np.float32) for name in ("boxes", "scores"))
    whole = Detections(boxes, scores, np.asarray(arrays["labels"], np.int32))
    counts = np.asarray(arrays["counts"], np.int64)
    ends = np.cumsum(counts)
    return [whole[start:end] for start, end in zip((ends - counts).tolist(), ends.tolist(), strict=True)]
