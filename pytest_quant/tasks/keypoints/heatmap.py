"""Heatmaps to keypoints: the maximum of each map, refined as MSRA's quarter offset, DARK or UDP do it.

The steps are those of mmpose, whose two generations differ: ``mmpose-1.x`` (``codecs/``) and ``mmpose-0.x``
(``core/evaluation/top_down_eval.py``). Coordinates are (x, y) in heatmap pixels unless a name says otherwise.
"""

from __future__ import annotations

from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Refine = Literal["shift", "dark", "udp", "none"]
Profile = Literal["mmpose-1.x", "mmpose-0.x"]

Heatmaps = NDArray[np.float32]
"""Shape (keypoints, height, width)."""
Points = NDArray[np.floating]
"""Shape (keypoints, 2)."""


def decode_heatmaps(
    heatmaps: Heatmaps,
    input_size: tuple[int, int],
    *,
    refine: Refine = "shift",
    profile: Profile = "mmpose-1.x",
    blur_kernel: int = 11,
) -> tuple[Points, NDArray[np.float32]]:
    """Keypoints in pixels of the net's input, and their scores.

    Args:
        heatmaps: As the net gives them; a score is a map's greatest value, whatever its range.
        input_size: Width and height of the net's input.
        refine: ``shift`` moves a quarter of a pixel towards the greater neighbour on each axis; ``dark`` is
            distribution-aware coordinate decoding (Zhang et al., 2020), ``udp`` its form in Unbiased Data Processing
            (Huang et al., 2020), where the centres of the outermost pixels lie on the border; ``none`` is the maximum.
        profile: Whose rules hold at the border of a map (``shift``) and in blurring (``udp``).
        blur_kernel: Size of the Gaussian blur of ``dark`` and ``udp``: 11 for nets trained with sigma 2, 17 for 3.

    Returns:
        Coordinates of shape (keypoints, 2), float64 for ``udp`` and float32 otherwise, and scores of shape
        (keypoints,). A map without a value above 0 has its keypoint near (-1, -1).

    >>> heatmap = np.zeros((1, 64, 48), np.float32)
    >>> heatmap[0, 10, 20:22] = 0.9, 0.5
    >>> decode_heatmaps(heatmap, (192, 256))
    (array([[81., 40.]], dtype=float32), array([0.9], dtype=float32))

    """
    height, width = heatmaps.shape[1:]
    points, scores = maxima(heatmaps)
    if refine == "udp":
        points = _udp(points, heatmaps, blur_kernel, profile)
        return points / [width - 1, height - 1] * input_size, scores
    if refine == "shift":
        points = points + _quarter_offset(points, heatmaps, profile)
    elif refine == "dark":
        points = points + _dark_offset(points, heatmaps, blur_kernel)
    return points * np.array([input_size[0] / width, input_size[1] / height], np.float32), scores


def maxima(heatmaps: Heatmaps) -> tuple[Points, NDArray[np.float32]]:
    """Place and value of each map's first maximum in row-major order; the place is (-1, -1) for a value up to 0."""
    flat = heatmaps.reshape(len(heatmaps), -1)
    y, x = np.divmod(flat.argmax(axis=1), heatmaps.shape[2])
    scores: NDArray[np.float32] = flat.max(axis=1)
    points = np.stack([x, y], axis=1).astype(np.float32)
    points[scores <= 0] = -1
    return points, scores


def _quarter_offset(points: Points, heatmaps: Heatmaps, profile: Profile) -> Points:
    """Towards the greater neighbour, where there is one on both sides; index 1 counts as border, as published."""
    height, width = heatmaps.shape[1:]
    x, y = points.astype(np.int64).T
    inner_x, inner_y = (x > 1) & (x < width - 1), (y > 1) & (y < height - 1)
    if profile == "mmpose-0.x":  # neither axis is refined unless both can be
        inner_x = inner_y = inner_x & inner_y
    else:
        inner_x, inner_y = inner_x & (y > 0), inner_y & (x > 0)
    offset = np.zeros(points.shape, np.float32)
    offset[inner_x, 0] = _slope(heatmaps, x, y, inner_x, (1, 0))
    offset[inner_y, 1] = _slope(heatmaps, x, y, inner_y, (0, 1))
    quarter: Points = np.sign(offset) * np.float32(0.25)
    return quarter


def _slope(
    maps: Heatmaps, x: NDArray[np.int64], y: NDArray[np.int64], which: NDArray[np.bool_], step: tuple[int, int]
) -> NDArray[np.float32]:
    """Difference of the two neighbours along an axis, for the maps in ``which``."""
    (k,), (dx, dy) = np.nonzero(which), step
    difference: NDArray[np.float32] = maps[k, y[k] + dy, x[k] + dx] - maps[k, y[k] - dy, x[k] - dx]
    return difference


def _dark_offset(points: Points, heatmaps: Heatmaps, blur_kernel: int) -> Points:
    """One Newton step on the logarithm of the blurred maps; none within two pixels of the border."""
    height, width = heatmaps.shape[1:]
    x, y = points.astype(np.int64).T
    inner = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
    (k,) = np.nonzero(inner)
    x, y = x[k], y[k]
    maps = np.log(np.maximum(blurred(heatmaps[k], blur_kernel), np.float32(1e-10)))

    def at(dx: int, dy: int) -> NDArray[np.float32]:
        return cast(NDArray[np.float32], maps[np.arange(len(k)), y + dy, x + dx])

    gradient = np.stack([0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1))], axis=1)
    hessian = (
        0.25 * (at(2, 0) - 2 * at(0, 0) + at(-2, 0)),
        0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)),
        0.25 * (at(0, 2) - 2 * at(0, 0) + at(0, -2)),
    )
    offset = np.zeros(points.shape, np.float32)
    offset[k] = -_solve(hessian, gradient)
    return offset


def _udp(points: Points, heatmaps: Heatmaps, blur_kernel: int, profile: Profile) -> Points:
    """One Newton step at each maximum, the maps being continued beyond their border."""
    count, height, width = heatmaps.shape
    smooth = blurred(heatmaps, blur_kernel) if profile == "mmpose-1.x" else _mirror_blurred(heatmaps, blur_kernel)
    maps = np.log(np.clip(smooth, np.float32(1e-3), np.float32(50)))
    row = width + 2
    flat = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge").ravel()
    # In flat indices also (-1, -1) has neighbours, if meaningless ones: mmpose refines the places of empty maps, too.
    place = (points[:, 0] + 1 + (points[:, 1] + 1) * row).astype(np.int64) + row * (height + 2) * np.arange(count)

    def at(dx: int, dy: int) -> NDArray[np.float32]:
        return cast(NDArray[np.float32], flat[place + dx + dy * row])

    gradient = np.stack([0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1))], axis=1)
    middle = at(0, 0)
    mixed = at(1, 1) - at(1, 0) - at(0, 1) + middle + middle - at(-1, 0) - at(0, -1) + at(-1, -1)
    epsilon = np.float64(np.finfo(np.float32).eps)
    hessian = (
        at(1, 0) - 2 * middle + at(-1, 0) + epsilon,
        0.5 * mixed,
        at(0, 1) - 2 * middle + at(0, -1) + epsilon,
    )
    return (points - _solve(hessian, gradient)).astype(np.float32)


def _solve(hessian: tuple[Points, Points, Points], gradient: Points) -> NDArray[np.float64]:
    """The Newton steps for Hessians given as (xx, xy, yy), in float64; 0 where a Hessian is singular."""
    xx, xy, yy = (entry.astype(np.float64) for entry in hessian)
    gx, gy = gradient.astype(np.float64).T
    determinant = xx * yy - xy * xy
    regular = determinant != 0
    divisor = np.where(regular, determinant, 1)
    steps = np.stack([(yy * gx - xy * gy) / divisor, (xx * gy - xy * gx) / divisor], axis=1)
    return np.where(regular[:, np.newaxis], steps, 0)


def blurred(maps: NDArray[np.float32], kernel: int) -> NDArray[np.float32]:
    """Gaussian blur against zeros outside; each map keeps its greatest value.

    Args:
        maps: Shape (keypoints, height, width).
        kernel: Odd size of the square kernel; its sigma is 0.3 * ((kernel - 1) / 2 - 1) + 0.8.

    """
    smooth = np.empty_like(maps)
    for before, after in zip(maps, smooth, strict=True):
        cv2.GaussianBlur(before, (kernel, kernel), 0, dst=after, borderType=cv2.BORDER_CONSTANT)
    return keep_maxima(maps, smooth)


def keep_maxima(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each of ``after`` scaled so that its greatest value is that of ``before``; one of nothing but 0 stays."""
    axes = tuple(range(1, before.ndim))
    greatest = after.max(axis=axes, keepdims=True)
    scale = np.divide(before.max(axis=axes, keepdims=True), np.where(greatest == 0, np.float32(1), greatest))
    scaled: NDArray[np.float32] = after * scale
    return scaled


def _mirror_blurred(heatmaps: Heatmaps, kernel: int) -> Heatmaps:
    """Gaussian blur against the map's mirror image, without scaling: mmpose 0.x for UDP."""
    smooth = [cv2.GaussianBlur(heatmap, (kernel, kernel), 0) for heatmap in heatmaps]
    return np.stack(cast(list[Heatmaps], smooth))
