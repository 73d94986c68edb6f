"""Non-maximum suppression: of boxes of the same object the one with the highest score."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.object_detection.overlap import iou_with
from pytest_quant.tasks.object_detection.prediction import Detections, Labels

Nms = Literal["class", "agnostic", "none"]
"""Whether only boxes of the same class suppress each other, all do, or none."""


def suppress(found: Detections, nms: Nms, iou_threshold: float, most: int | None = None) -> NDArray[np.int64]:
    """Indices of the detections that stay, by falling score; equal scores keep their order.

    A box goes when its IoU with a better one that stays is above the threshold. Two empty boxes have none (0 / 0), so
    both stay, as in torchvision. With ``most`` the best so many are given: greedy suppression finds them first.

    Args:
        found: In any order.
        nms: See `Nms`.
        iou_threshold: Compared as float32.
        most: None: all.

    >>> boxes = np.array([[0, 0, 2, 2], [0, 0, 2, 1.9], [0, 0, 2, 2]], np.float32)
    >>> found = Detections(boxes, np.array([0.5, 0.9, 0.7], np.float32), np.array([0, 0, 1], np.int32))
    >>> suppress(found, "class", 0.5), suppress(found, "agnostic", 0.5)
    (array([1, 2]), array([1]))

    """
    order = np.argsort(-found.scores, kind="stable")
    if nms == "none":
        return order[:most]
    boxes, threshold = found.boxes[order], np.float32(iou_threshold)
    labels = found.labels[order] if nms == "class" else np.zeros(len(order), np.int32)
    rivals = _by_label(labels)
    alive = np.ones(len(order), np.bool_)
    kept: list[int] = []
    for best, label in enumerate(labels.tolist()):
        if most is not None and len(kept) == most:
            break
        if alive[best]:
            kept.append(best)
            others = rivals[label]
            others = others[(others > best) & alive[others]]
            alive[others[iou_with(boxes[best], boxes[others]) > threshold]] = False
    return order[kept]


def _by_label(labels: Labels) -> dict[int, NDArray[np.int64]]:
    """The indices of each label, rising."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    parts = np.split(order, starts[1:])
    return {int(labels[part[0]]): part for part in parts if len(part)}
