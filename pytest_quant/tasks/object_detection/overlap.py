"""How far boxes overlap: intersection over union, for suppression and, as COCO counts it, for scoring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.object_detection.prediction import Boxes, Scores

Floats = NDArray[np.float64]


def iou_with(box: NDArray[np.float32], boxes: Boxes) -> Scores:
    """IoU of one box (4,) with n boxes (n, 4), in float32; NaN where both are empty.

    >>> iou_with(np.array([0, 0, 2, 2], np.float32), np.array([[0, 0, 2, 1], [2, 2, 3, 3]], np.float32))
    array([0.5, 0. ], dtype=float32)
    """
    width = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    height = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        common = np.maximum(width, 0) * np.maximum(height, 0)
        area = (box[2] - box[0]) * (box[3] - box[1])
        found: Scores = common / (area + (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) - common)
    return found


def coco_overlap(detected: Floats, annotated: Floats, crowd: NDArray[np.bool_]) -> Floats:
    """IoU of n pairs of boxes given as left, top, width, height, shape (n, 4), in the arithmetic of pycocotools.

    With a crowd it is the share of the detected box that the crowd covers.

    >>> pair = np.array([[0.0, 0.0, 4.0, 2.0]]), np.array([[2.0, 0.0, 4.0, 2.0]])
    >>> coco_overlap(*pair, np.array([False])), coco_overlap(*pair, np.array([True]))
    (array([0.33333333]), array([0.5]))
    """
    low = np.maximum(detected[:, :2], annotated[:, :2])
    high = np.minimum(detected[:, 2:] + detected[:, :2], annotated[:, 2:] + annotated[:, :2])
    extent = high - low
    touching = (extent > 0).all(axis=1)
    common = np.where(touching, extent[:, 0] * extent[:, 1], 0.0)
    area = detected[:, 2] * detected[:, 3]
    union = np.where(crowd, area, area + annotated[:, 2] * annotated[:, 3] - common)
    found: NDArray[np.float64] = np.divide(common, union, out=np.zeros(len(common)), where=touching)
    return found
