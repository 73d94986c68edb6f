"""The skeleton of a mask: thinning after Zhang and Suen (1984), in the form that TextSnake's published decoder uses."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_RING = np.array([[1, 2, 4], [128, 0, 8], [64, 32, 16]], np.float32)
"""The bit of each neighbour of a pixel: clockwise from the upper left one."""

_KEPT = ((24, 48, 56, 96, 129, 192, 224), (3, 6, 12, 14, 48, 129, 131))
_THINNED = ((10, 11, 40, 130, 134, 160, 161, 194, 198), (10, 26, 40, 104, 108, 130, 160, 176))
"""Where scikit-image, by which the published numbers were made, departs from the paper, as rings of neighbours: the
first pass and the second keep ends that are two pixels wide, and remove the inner pixels of corners."""


def skeletonize(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The centre lines of the regions of a mask, one pixel wide: the pixels that scikit-image's ``skeletonize`` gives.

    Source: Zhang and Suen, "A fast parallel algorithm for thinning digital patterns", Communications of the ACM, 1984.

    Args:
        mask: Shape (h, w); what lies outside of it counts as background.

    Returns:
        Shape (h, w), a subset of the mask.

    Example:
        >>> skeletonize(np.ones((3, 7), np.bool_)).astype(int)
        array([[0, 0, 0, 0, 0, 1, 0],
               [1, 1, 1, 1, 1, 0, 0],
               [0, 0, 0, 0, 0, 0, 0]])

    """
    left = mask.astype(np.uint8)
    remaining = cv2.countNonZero(left)
    while True:
        for kept in _KEPT_PIXELS:
            rings = cv2.filter2D(left, -1, _RING, borderType=cv2.BORDER_CONSTANT)
            left &= np.asarray(cv2.LUT(rings, kept), np.uint8)
        before, remaining = remaining, cv2.countNonZero(left)
        if remaining == before:
            return left.view(np.bool_)


def _kept(second: bool) -> NDArray[np.uint8]:
    """Of each of the 256 rings of neighbours: 1 where a pass keeps the pixel in its middle, 0 where it removes it."""
    ring = (np.arange(256)[:, None] >> np.arange(8)) & 1
    north, east, south, west = ring[:, 1::2].T
    neighbours = ring.sum(axis=1)
    rises = ((ring == 0) & (np.roll(ring, -1, axis=1) == 1)).sum(axis=1)
    sides = north * west * (east | south) if second else east * south * (north | west)
    removed = (neighbours >= 2) & (neighbours <= 6) & (rises == 1) & (sides == 0)
    removed[list(_KEPT[second])] = False
    removed[list(_THINNED[second])] = True
    return np.asarray(~removed, np.uint8)


_KEPT_PIXELS = (_kept(second=False), _kept(second=True))
