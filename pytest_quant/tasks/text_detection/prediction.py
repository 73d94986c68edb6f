"""What is kept of one image: polygons with scores in image coordinates, and how they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.base import Arrays

Polygon = NDArray[np.float64]
"""Points of shape (points, 2), x and y in pixels of the image as it is stored; may lie outside of it."""


@dataclass(frozen=True, eq=False)
class TextPrediction:
    """The instances that a decoder found in one image, in its order: greedy matching depends on it."""

    polygons: tuple[Polygon, ...]
    """Each with three or more points."""
    scores: NDArray[np.float64]
    """Shape (polygons,), in [0, 1]."""
    capped_points: int = 0
    """TextSnake only: centre points that were left before they reached the border of their region, because the radius
    there is about zero. The published decoder never ends on them."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TextPrediction):
            return NotImplemented
        return (
            self.capped_points == other.capped_points
            and np.array_equal(self.scores, other.scores)
            and len(self.polygons) == len(other.polygons)
            and all(map(np.array_equal, self.polygons, other.polygons))
        )

    __hash__ = None  # type: ignore[assignment]  # arrays inside

    def answer(self) -> bytes:
        """The scores: where the regions lie depends on the size of the image, too."""
        return self.scores.tobytes()


def make_prediction(
    polygons: Iterable[NDArray[np.generic]], scores: Iterable[float], capped_points: int = 0
) -> TextPrediction:
    """A prediction from polygons of any number type.

    >>> make_prediction([np.array([[0, 0], [4, 0], [4, 2]])], [0.5]).scores
    array([0.5])
    """
    return TextPrediction(
        tuple(np.asarray(polygon, np.float64) for polygon in polygons),
        np.fromiter(scores, np.float64),
        capped_points,
    )


def pack_predictions(predictions: Sequence[TextPrediction]) -> Arrays:
    """Predictions as flat arrays.

    ``points`` float64 (all points, 2), ``point_counts`` int32 (all polygons,), ``scores`` float64 (all polygons,),
    ``polygon_counts`` and ``capped_points`` int32 (images,).
    """
    polygons = [polygon for prediction in predictions for polygon in prediction.polygons]
    return {
        "points": np.concatenate([np.empty((0, 2)), *polygons]),
        "point_counts": np.array([len(polygon) for polygon in polygons], np.int32),
        "scores": np.concatenate([np.empty(0), *(prediction.scores for prediction in predictions)]),
        "polygon_counts": np.array([len(prediction.polygons) for prediction in predictions], np.int32),
        "capped_points": np.array([prediction.capped_points for prediction in predictions], np.int32),
    }


def unpack_predictions(arrays: Arrays) -> list[TextPrediction]:
    """The reverse of `pack_predictions`."""
    points, scores = (np.asarray(arrays[name], np.float64) for name in ("points", "scores"))
    point_counts, polygon_counts = (np.asarray(arrays[name], np.int64) for name in ("point_counts", "polygon_counts"))
    polygons = iter(np.split(points, np.cumsum(point_counts)[:-1]))
    last = np.cumsum(polygon_counts)
    return [
        TextPrediction(tuple(next(polygons) for _ in range(count)), scores[end - count : end], capped)
        for count, end, capped in zip(
            polygon_counts.tolist(), last.tolist(), arrays["capped_points"].tolist(), strict=True
        )
    ]
