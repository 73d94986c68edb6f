"""From what a net says of its cells and anchors to boxes in pixels of its input."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.object_detection.prediction import Boxes
from pytest_quant.tasks.object_detection.priors import Points

Array = NDArray[np.float32]

_LONGEST_LOG = abs(math.log(16 / 1000))
"""mmdet's bound of the logarithm of a size over its anchor's."""
_NO_LONGER_MATTERS = np.float32(20)
"""Bound of the logarithm of a size where mmdet has none: no image is so large, and areas stay finite in float32."""


def from_deltas(deltas: Array, anchors: Boxes, stds: tuple[float, float, float, float]) -> Boxes:
    """Anchors moved and stretched, as mmdet's DeltaXYWHBBoxCoder.

    >>> from_deltas(np.zeros((1, 4), np.float32), np.array([[0, 0, 8, 4]], np.float32), (1, 1, 1, 1)).tolist()
    [[0.0, 0.0, 8.0, 4.0]]
    """
    scaled = deltas * np.array(stds, np.float32)
    size = anchors[:, 2:] - anchors[:, :2]
    center = (anchors[:, :2] + anchors[:, 2:]) * np.float32(0.5) + size * scaled[:, :2]
    half = size * np.exp(np.clip(scaled[:, 2:], -_LONGEST_LOG, _LONGEST_LOG)) * np.float32(0.5)
    return np.concatenate([center - half, center + half], axis=1)


def from_yolo(raw: Array, anchors: Boxes, stride: Array) -> Boxes:
    """YOLOv3's boxes: sigmoids place the centre in its cell, exponentials stretch the anchor (mmdet's YOLOBBoxCoder).

    ``raw``: x, y, width and height, shape (n, 4); ``stride``: shape (n,).
    """
    center = (anchors[:, :2] + anchors[:, 2:]) * np.float32(0.5)
    center = center + (sigmoid(raw[:, :2]) - np.float32(0.5)) * stride[:, np.newaxis]
    half = (anchors[:, 2:] - anchors[:, :2]) * np.float32(0.5) * _stretched(raw)
    return np.concatenate([center - half, center + half], axis=1)


def _stretched(raw: Array) -> Array:
    """Of width and height, what the net says as logarithms; one that is broken may say anything."""
    found: Array = np.exp(np.minimum(raw[:, 2:], _NO_LONGER_MATTERS))
    return found


def from_offsets(raw: Array, corners: Points, stride: Array) -> Boxes:
    """YOLOX's boxes: the offset of a centre from the cell's corner and the logarithm of the size, both in strides."""
    step = stride[:, np.newaxis]
    center, half = raw[:, :2] * step + corners, _stretched(raw) * step / 2
    return np.concatenate([center - half, center + half], axis=1)


def from_distances(distances: Array, points: Points) -> Boxes:
    """Boxes from the distances of a point to the left, top, right and bottom."""
    return np.concatenate([points - distances[:, :2], points + distances[:, 2:]], axis=1)


def from_centers(raw: Array) -> Boxes:
    """Boxes from the centre, width and height."""
    half = raw[:, 2:] / 2
    return np.concatenate([raw[:, :2] - half, raw[:, :2] + half], axis=1)


def expected_bins(logits: Array, bins: int) -> Array:
    """The means of the distributions over bins of 0, 1, 2 ..., shape (n, 4), for logits of shape (n, 4 * bins).

    >>> expected_bins(np.zeros((1, 8), np.float32), 2).tolist()
    [[0.5, 0.5, 0.5, 0.5]]
    """
    by_side = softmax(logits.reshape(len(logits), 4, bins))
    found: Array = np.matmul(by_side, np.arange(bins, dtype=np.float32))
    return found


def sigmoid(logits: Array) -> Array:
    """In float32; large negative values give 0 without a warning."""
    with np.errstate(over="ignore"):
        found: Array = np.reciprocal(1 + np.exp(-logits))
    return found


def softmax(logits: Array) -> Array:
    """Over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: Array = np.divide(raised, raised.sum(axis=-1, keepdims=True))
    return found
