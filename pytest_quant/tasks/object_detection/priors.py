"""What a net's cells stand for: points, and anchors as mmdet 3.x generates them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.object_detection.parameters import AnchorParameters
from pytest_quant.tasks.object_detection.prediction import Boxes

Points = NDArray[np.float32]
"""x and y in pixels of the input, shape (cells, 2)."""
Cells = tuple[int, int]
"""Columns and rows of one level."""

_SMALLEST = {(300, 15): (7, 15), (300, 20): (10, 20), (512, 10): (4, 10), (512, 15): (7, 15)}
"""Percent of the input that SSD's first anchors have on COCO and on VOC, by its size and the range's lower end."""


def cells_of(input_size: tuple[int, int], stride: int) -> Cells:
    """How many cells a level has: convolutions round up.

    >>> cells_of((104, 72), 16)
    (7, 5)
    """
    return -(-input_size[0] // stride), -(-input_size[1] // stride)


def points(cells: Cells, stride: int, offset: float) -> Points:
    """The points of one level, row by row; ``offset`` from a cell's corner, in strides.

    >>> points((2, 1), 8, 0.5).tolist()
    [[4.0, 4.0], [12.0, 4.0]]
    """
    columns, rows = ((np.arange(count, dtype=np.float32) + np.float32(offset)) * np.float32(stride) for count in cells)
    return np.stack([np.tile(columns, len(rows)), np.repeat(rows, len(columns))], axis=1)


def anchors(parameters: AnchorParameters, level: int, cells: Cells, input_size: tuple[int, int]) -> Boxes:
    """The anchors of one level: all of the first cell, all of the second, row by row.

    Centres lie in the middle of a cell, those of octave anchors in its corner.
    """
    base, stride = base_anchors(parameters, level, input_size), parameters.strides[level]
    shifts = points(cells, stride, 0.0)
    return (np.tile(shifts, 2)[:, np.newaxis] + base).reshape(-1, 4)


def base_anchors(parameters: AnchorParameters, level: int, input_size: tuple[int, int]) -> Boxes:
    """The anchors of a level's first cell, shape (anchors, 4)."""
    stride = parameters.strides[level]
    if parameters.anchors == "fixed":
        return _centered(np.array(parameters.base_sizes[level], np.float32), stride / 2)
    ratios = parameters.ratios[level if len(parameters.ratios) > 1 else 0]
    if parameters.anchors == "octave":
        steps = range(parameters.scales_per_octave)
        scales = [parameters.octave_base_scale * 2 ** (step / parameters.scales_per_octave) for step in steps]
        return _centered(_sides(stride, [(ratio, scale) for ratio in ratios for scale in scales]), 0.0)
    smallest, largest = ssd_sizes(parameters, input_size)[level]
    shapes = [(1.0, 1.0), (1.0, math.sqrt(largest / smallest))]
    shapes += [(shape, 1.0) for ratio in ratios for shape in (1 / ratio, ratio)]
    return _centered(_sides(smallest, shapes), stride / 2)


def ssd_sizes(parameters: AnchorParameters, input_size: tuple[int, int]) -> Sequence[tuple[float, float]]:
    """Least and greatest size of each level's anchors: as written, or from the range of shares of the input."""
    if parameters.basesize_ratio_range is None:
        return list(zip(parameters.min_sizes, parameters.max_sizes, strict=True))
    size, levels = input_size[0], len(parameters.strides)
    least, greatest = (int(share * 100) for share in parameters.basesize_ratio_range)
    step = (greatest - least) // (levels - 2)
    first = _SMALLEST.get((size, least), (least // 2, least))
    shares = [first, *((share, share + step) for share in range(least, greatest + 1, step))]
    return [(int(size * low / 100), int(size * high / 100)) for low, high in shares[:levels]]


def _sides(size: float, shapes: Sequence[tuple[float, float]]) -> NDArray[np.float32]:
    """Width and height for pairs of a ratio of height to width and a scale, in float32 as in torch."""
    ratio, scale = np.array(shapes, np.float32).T
    root = np.sqrt(ratio)
    return np.stack([np.float32(size) * (1 / root) * scale, np.float32(size) * root * scale], axis=1)


def _centered(sides: NDArray[np.float32], center: float) -> Boxes:
    half = np.float32(0.5) * sides
    return np.concatenate([np.float32(center) - half, np.float32(center) + half], axis=1)
