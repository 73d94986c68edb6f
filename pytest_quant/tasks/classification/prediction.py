"""What is kept of a classifier's scores for one sample, and how it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.spec.errors import RunnerError
from pytest_quant.tasks.base import Arrays

KEPT = 5
"""Top-5 is the deepest metric."""


@dataclass(frozen=True)
class ClassPrediction:
    """The five highest scores of one sample, or all of them when the net has fewer classes."""

    classes: tuple[int, ...]
    """Class indices by falling score; equal scores by rising index."""
    scores: tuple[float, ...]
    """The float32 scores of ``classes``, as the net gave them: probabilities or logits."""
    class_count: int
    """How many classes the net has."""

    @property
    def label(self) -> int:
        """The predicted class."""
        return self.classes[0]


def decode_scores(output: NDArray[np.float32], blob: str) -> ClassPrediction:
    """The prediction in an output blob.

    Args:
        output: Scores of shape (classes,); further dimensions of length 1, as in (classes, 1, 1), do not matter.
        blob: The blob's name, for the message.

    Raises:
        RunnerError: The output is not a list of class scores, or holds NaN.

    >>> decode_scores(np.array([[[0.25]], [[0.5]], [[0.25]]], np.float32), "prob")
    ClassPrediction(classes=(1, 0, 2), scores=(0.5, 0.25, 0.25), class_count=3)

    """
    if output.size != max(output.shape, default=0) or output.size < 2:
        raise RunnerError(
            f"output blob {blob!r} has shape {output.shape}; expected one score for each of two or more classes, such "
            "as (1000,) or (1000, 1, 1): is this the blob of the class scores?"
        )
    scores = output.reshape(-1)
    order = ranking(scores)
    if np.isnan(scores[order[-1]]):  # NaN comes last
        raise RunnerError(f"output blob {blob!r} holds {int(np.isnan(scores).sum())} NaN among {scores.size} scores")
    top = order[:KEPT]
    return ClassPrediction(tuple(top.tolist()), tuple(scores[top].tolist()), int(scores.size))


def ranking(scores: NDArray[np.floating]) -> NDArray[np.intp]:
    """Class indices along the last axis by falling score, equal scores by rising index."""
    return np.argsort(-scores, axis=-1, kind="stable")


def pack_predictions(predictions: Sequence[ClassPrediction]) -> Arrays:
    """Predictions of one net as arrays: ``classes`` int32, ``scores`` float32, both (n, k), ``class_count`` (n,)."""
    shape = (len(predictions), len(predictions[0].classes) if predictions else 0)
    return {
        "classes": np.array([p.classes for p in predictions], np.int32).reshape(shape),
        "scores": np.array([p.scores for p in predictions], np.float32).reshape(shape),
        "class_count": np.array([p.class_count for p in predictions], np.int32),
    }


def unpack_predictions(arrays: Arrays) -> list[ClassPrediction]:
    """The reverse of `pack_predictions`."""
    rows = zip(arrays["classes"].tolist(), arrays["scores"].tolist(), arrays["class_count"].tolist(), strict=True)
    return [ClassPrediction(tuple(classes), tuple(scores), count) for classes, scores, count in rows]
