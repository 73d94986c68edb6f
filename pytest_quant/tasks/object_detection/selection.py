"""Which boxes of a net are detections: those above the threshold, for one class or all, the best of each level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.object_detection.boxes import sigmoid, softmax
from pytest_quant.tasks.object_detection.parameters import Activation, Background, Parameters
from pytest_quant.tasks.object_detection.prediction import Labels, Scores

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Selected:
    """The n rows of a net's output that become detections; a row may be there for several classes."""

    rows: NDArray[np.int64]
    """Shape (n,)."""
    scores: Scores
    labels: Labels


def class_scores(logits: Array, activation: Activation, background: Background = "none") -> Array:
    """Scores of the classes, shape (n, classes), without the column of no object."""
    scores = sigmoid(logits) if activation == "sigmoid" else softmax(logits) if activation == "softmax" else logits
    return {"none": scores, "first": scores[:, 1:], "last": scores[:, :-1]}[background]


def select(scores: Array, parameters: Parameters, edges: Sequence[int], *, inclusive: bool = False) -> Selected:
    """The rows and classes whose scores are above the threshold, in the order of rows.

    Args:
        scores: Shape (rows, classes).
        parameters: ``score_threshold``, ``classes_per_box`` and ``nms_pre``.
        edges: First row of each level, and the number of rows, for ``nms_pre``.
        inclusive: Whether the threshold itself is enough.

    """
    threshold = np.float32(parameters.score_threshold)
    if parameters.classes_per_box == "best":
        labels = scores.argmax(axis=1)
        best = np.take_along_axis(scores, labels[:, np.newaxis], axis=1)[:, 0]
        rows = np.flatnonzero(best >= threshold if inclusive else best > threshold)
        labels = labels[rows]
    else:
        rows, labels = _above(scores, threshold, inclusive=inclusive)
    return _selected(rows, labels, scores[rows, labels], parameters, edges)


def select_logits(logits: Array, parameters: Parameters, edges: Sequence[int]) -> Selected:
    """`select` of sigmoids, which are computed only where they can be above the threshold.

    There are some hundred thousand logits in an image, and some hundred scores worth a look.
    """
    if parameters.activation != "sigmoid" or parameters.classes_per_box == "best":
        return select(class_scores(logits, parameters.activation), parameters, edges)
    rows, labels = _above(logits, _least_logit(parameters.score_threshold), inclusive=True)
    scores = sigmoid(logits[rows, labels])
    kept = scores > np.float32(parameters.score_threshold)
    return _selected(rows[kept], labels[kept], scores[kept], parameters, edges)


def _least_logit(score: float) -> float:
    """A little below the one whose sigmoid is ``score``."""
    inside = min(max(score, 1e-30), 1 - 1e-7)
    return math.log(inside / (1 - inside)) - 0.01


def _above(
    values: Array, threshold: float | np.float32, *, inclusive: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the values above a threshold, row by row."""
    flat = np.flatnonzero(values >= threshold if inclusive else values > threshold)
    rows, columns = np.divmod(flat, values.shape[1])
    return rows, columns


def _selected(
    rows: NDArray[np.int64], labels: NDArray[np.int64], scores: Array, parameters: Parameters, edges: Sequence[int]
) -> Selected:
    if parameters.nms_pre is not None:
        kept = _best_of_levels(rows, scores, edges, parameters.nms_pre)
        rows, labels, scores = rows[kept], labels[kept], scores[kept]
    return Selected(rows, scores, labels.astype(np.int32))


def _best_of_levels(rows: NDArray[np.int64], scores: Scores, edges: Sequence[int], most: int) -> NDArray[np.int64]:
    """Indices of the ``most`` best of each level, ties to the earlier one, in their order."""
    starts = np.searchsorted(rows, edges)
    kept = [
        start + np.sort(np.argsort(-scores[start:end], kind="stable")[:most])
        for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    ]
    return np.concatenate(kept)
