"""The disks of TextSnake: merge those that nearly coincide, draw the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress, groupby
from operator import itemgetter

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

_BLOCK = 128
"""Rows of the matrix of distances that are made at once."""

_FEW, _PAIRS_PER_DISK = 512, 64
"""Beyond so many disks pairs are looked for in a tree, unless there are more than so many for each."""

_Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]

Disks = NDArray[np.float64]
"""Shape (n, 4): x, y, radius in pixels of the map, and score."""


def merge_disks(disks: Disks, overlap_threshold: float) -> Disks:
    """Replace disks that nearly coincide by their mean, beginning with the highest score.

    The disk of the highest score takes in all whose centre is no farther away than ``overlap_threshold`` times the sum
    of both radii; of what is left the highest goes on. Of equal scores the one given later comes first. Source:
    TextSnakePostprocessor of MMOCR.

    >>> merge_disks(np.array([[0, 0, 5, 0.5], [9, 0, 5, 0.9], [0, 0, 7, 0.7]]), 0.03)
    array([[9. , 0. , 5. , 0.9],
           [0. , 0. , 6. , 0.6]])
    """
    disks = disks[np.argsort(disks[:, 3], kind="stable")[::-1]]
    merged: list[list[float]] = disks.tolist()
    alive = np.ones(len(disks), np.bool_)
    for firsts, others in _near_pairs(disks, overlap_threshold, alive):
        for first, pairs in groupby(zip(firsts.tolist(), others.tolist(), strict=True), key=itemgetter(0)):
            taken = [other for _, other in pairs if alive[other]] if alive[first] else []
            if taken:
                group = [merged[index] for index in (first, *taken)]
                merged[first] = [sum(values) / len(group) for values in zip(*group, strict=True)]
                alive[taken] = False
    return np.array(list(compress(merged, alive))).reshape(-1, 4)


def _near_pairs(disks: Disks, overlap_threshold: float, alive: NDArray[np.bool_]) -> Iterator[_Pairs]:
    """Pairs of disks that are near enough, in parts, by rising first and then second; the first is the earlier one.

    Pairs with a disk that is not ``alive`` any more may be left out.
    """
    if len(disks) > _FEW:
        pairs = _pairs_by_tree(disks, overlap_threshold)
        if pairs is not None:
            yield pairs
            return
    for begin in range(0, len(disks), _BLOCK):
        rows = slice(begin, begin + _BLOCK)
        near = _near_later_ones(disks, rows, overlap_threshold) & alive & alive[rows, np.newaxis]
        firsts, others = np.nonzero(near)
        yield firsts + begin, others


def _pairs_by_tree(disks: Disks, overlap_threshold: float) -> _Pairs | None:
    """All pairs, found from the larger disk of each; None where there are too many to list, as with huge radii."""
    centers, radii = disks[:, :2], disks[:, 2]
    reach = np.maximum(2 * overlap_threshold * radii, 0) * (1 + 1e-9) + 1e-9
    tree = KDTree(centers)
    counts = tree.query_ball_point(centers, reach, return_length=True)
    if counts.sum() > _PAIRS_PER_DISK * len(disks):
        return None
    one = np.repeat(np.arange(len(disks)), counts)
    other = np.concatenate(tree.query_ball_point(centers, reach)).astype(np.intp)
    pairs = np.unique(np.minimum(one, other) * len(disks) + np.maximum(one, other))
    first, second = np.divmod(pairs, len(disks))
    squares = (centers[first, 0] - centers[second, 0]) ** 2 + (centers[first, 1] - centers[second, 1]) ** 2
    near = (first != second) & (np.sqrt(squares) <= overlap_threshold * (radii[first] + radii[second]))
    return first[near], second[near]


def _near_later_ones(disks: Disks, rows: slice, overlap_threshold: float) -> NDArray[np.bool_]:
    """For each disk of ``rows`` which of the disks after it are near enough; shape (rows, n)."""
    x, y, radius = disks[:, 0], disks[:, 1], disks[:, 2]
    some = disks[rows]
    squares = (some[:, :1] - x) ** 2 + (some[:, 1:2] - y) ** 2
    near = np.sqrt(squares) <= overlap_threshold * (some[:, 2:3] + radius)
    later: NDArray[np.bool_] = near & (np.arange(len(disks)) > np.arange(len(disks))[rows, np.newaxis])
    return later


@dataclass(frozen=True)
class Drawing:
    """Disks drawn on the part of the map that they touch."""

    mask: NDArray[np.uint8]
    """Shape (h, w), 0 or 1."""
    left_top: tuple[int, int]
    """Place of the mask's first pixel in the map, x and y."""

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the map that the mask covers."""
        (left, top), (height, width) = self.left_top, self.mask.shape
        return slice(top, top + height), slice(left, left + width)


def draw_disks(disks: Disks, size: tuple[int, int]) -> Drawing | None:
    """Filled circles of whole pixels, for radii above 1, in a map of ``size`` (w, h); None when nothing lies inside."""
    width, height = size
    radii = np.minimum(disks[:, 2], width + height)  # enough to fill the map; a broken net can give any number
    circles = np.column_stack([disks[:, :2], radii])[disks[:, 2] > 1].astype(np.int32)
    if not len(circles):
        return None
    first = (circles[:, :2] - circles[:, 2:]).min(axis=0).clip(0)
    last = (circles[:, :2] + circles[:, 2:]).max(axis=0).clip(None, (width - 1, height - 1))
    (left, top), (right, bottom) = first.tolist(), last.tolist()
    if right < left or bottom < top:
        return None
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    for x, y, radius in circles.tolist():
        cv2.circle(mask, (x - left, y - top), radius, 1, -1)
    return Drawing(mask, (left, top))
