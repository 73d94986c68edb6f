"""How likely a net takes each class of a pixel for, and what another net's answers are worth by that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.semantic_segmentation.counts import PixelCounts

KEPT = 4
"""Of each pixel so many classes are kept, the likeliest; what is left is hardly anything."""
_UNIT = 1000
"""Counts are whole numbers, so expected ones are of thousandths of a pixel."""
_SUM_SLACK = 1e-3

Map: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LikelyAnswers:
    """At some pixels of an image the likeliest classes, those first that are likeliest, and their probabilities."""

    classes: NDArray[np.uint16]
    """Shape (points, kept)."""
    shares: NDArray[np.float32]
    """Shape (points, kept), from 0 to 1."""


class SampledPlanes:
    """Passes planes on, one by one, and keeps their values at some places."""

    def __init__(self, planes: Iterable[Map], places: NDArray[np.integer]) -> None:
        """``places`` are indexes into the pixels of a plane, row by row."""
        self._planes = planes
        self._places = places
        self._values: list[Map] = []

    def __iter__(self) -> Iterator[Map]:
        for plane in self._planes:
            self._values.append(plane.reshape(-1)[self._places])
            yield plane

    @property
    def likely(self) -> LikelyAnswers:
        """The likeliest classes at those places, once all planes were passed on."""
        return likely_answers(np.stack(self._values))


def likely_answers(scores: Map) -> LikelyAnswers:
    """The likeliest classes by scores of shape (classes, points): logits or probabilities; of one class its logits.

    >>> found = likely_answers(np.array([[0.25], [0.75]], np.float32))
    >>> found.classes.tolist(), found.shares.tolist()
    ([[1, 0]], [[0.75, 0.25]])
    """
    if len(scores) == 1:
        shares = 1 / (1 + np.exp(-scores[0].astype(np.float64)))
        probabilities = np.stack([1 - shares, shares])
    elif scores.min() >= 0 and np.abs(scores.sum(axis=0) - 1).max() <= _SUM_SLACK:
        probabilities = scores.astype(np.float64)
    else:
        powers = np.exp((scores - scores.max(axis=0)).astype(np.float64))
        probabilities = powers / powers.sum(axis=0)
    order = np.argsort(-probabilities, axis=0, kind="stable")[:KEPT]
    return LikelyAnswers(
        order.T.astype(np.uint16), np.take_along_axis(probabilities, order, axis=0).T.astype(np.float32)
    )


def expected_counts(answers: NDArray[np.uint16], likely: LikelyAnswers, class_count: int) -> PixelCounts:
    """What some answers are expected to count where each class is the true one with its probability.

    Args:
        answers: The answers to be judged, shape (points,).
        likely: What the truth is taken for, at the same points.
        class_count: How many classes there are; what is likely for others is likely void.

    Returns:
        Counts in thousandths of a pixel.

    >>> truth = likely_answers(np.array([[0.25], [0.75]], np.float32))
    >>> counts = expected_counts(np.array([0], np.uint16), truth, 2)
    >>> counts.intersection.tolist(), counts.labelled.tolist(), counts.predicted.tolist()
    ([250, 0], [250, 750], [1000, 0])

    """
    classes, shares = likely.classes.astype(np.int64), likely.shares.astype(np.float64)
    shares = np.where(classes < class_count, shares, 0.0)
    known = answers < class_count
    columns = np.where(known, answers, 0).astype(np.int64)
    agreeing = (shares * (classes == answers[:, np.newaxis])).sum(axis=1)
    labelled = np.bincount(np.minimum(classes, class_count).reshape(-1), shares.reshape(-1), class_count + 1)
    counted = shares.sum(axis=1) * known
    return PixelCounts(
        intersection=_thousandths(np.bincount(columns, agreeing * known, class_count)),
        predicted=_thousandths(np.bincount(columns, counted, class_count)),
        labelled=_thousandths(labelled[:class_count]),
        predicted_on_void=_thousandths(np.bincount(columns, (1 - shares.sum(axis=1)).clip(0) * known, class_count)),
    )


def _thousandths(values: NDArray[np.number]) -> NDArray[np.int64]:
    return np.round(_UNIT * values).astype(np.int64)
