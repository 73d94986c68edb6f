"""What there is to see of persons in an image: their skeletons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_keypoints import truth_of
from pytest_quant.tasks.drawing import Drawing, Point, Scene, Skeleton, counted
from pytest_quant.tasks.keypoints.coco import LIMBS
from pytest_quant.tasks.keypoints.prediction import PosePrediction


def draw_truth(sample: Sample, scene: Scene) -> Drawing:
    """The labelled keypoints of every person."""
    persons = [np.array(person.keypoints, np.float64).reshape(-1, 3) for person in truth_of(sample).persons]
    return _drawing(_points(rows[:, :2].tolist(), (rows[:, 2] > 0).tolist()) for rows in persons if rows[:, 2].any())


def draw_answer(prediction: PosePrediction, scene: Scene, threshold: float) -> Drawing:
    """The keypoints with a score above ``threshold``, in every box."""
    rows = zip(prediction.keypoints.tolist(), (prediction.scores > threshold).tolist(), strict=True)
    return _drawing(_points(points, sure) for points, sure in rows if any(sure))


def _points(places: Iterable[Iterable[float]], there: Iterable[bool]) -> Iterator[Point | None]:
    for (x, y), is_there in zip(places, there, strict=True):
        yield (x, y) if is_there else None


def _drawing(poses: Iterable[Iterable[Point | None]]) -> Drawing:
    skeletons = tuple(Skeleton(tuple(points), LIMBS) for points in poses)
    return Drawing(counted("pose", skeletons), skeletons)
