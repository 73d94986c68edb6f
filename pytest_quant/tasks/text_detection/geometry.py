"""The way between the image, the net's input and its maps; and the shapes around sets of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.text_detection.prediction import Polygon


@dataclass(frozen=True)
class Geometry:
    """What happened to one image on its way into the net."""

    scale: tuple[float, float]
    """Width and height after resizing, over those of the image."""
    image_size: tuple[int, int]
    """Width and height of the image."""
    input_size: tuple[int, int]
    """Width and height of the net's input, padding included."""


Points = NDArray[np.floating] | NDArray[np.integer]
"""Shape (n, 2): x and y."""


def to_image(points: Points, geometry: Geometry, ratio: float = 1.0, *, float32_scale: bool = False) -> Polygon:
    """Points (n, 2) of a map whose size is ``ratio`` times that of the net's input, in pixels of the image.

    No shift by half a pixel. ``float32_scale`` rounds the factor to float32, as MMOCR 0.x does.

    >>> to_image(np.array([[10, 5]]), Geometry((2.0, 1.0), (100, 100), (224, 128)), 0.25)
    array([[20., 20.]])
    """
    if float32_scale:
        factor = np.float32(1.0 / ratio) / np.array(geometry.scale, np.float32)
        placed: Polygon = np.multiply(points, factor.astype(np.float64))
    else:
        placed = np.divide(points, np.array(geometry.scale) * ratio)
    return placed


def whole_in_image(points: Points, geometry: Geometry) -> Polygon:
    """Points (n, 2) of a map as large as the net's input, in whole pixels of the image and clipped to it.

    The order of operations and the precision (float32 for corners, float64 for whole numbers) are those of
    SegDetectorRepresenter of MhLiao/DB and of PaddleOCR's DBPostProcess: they decide where exact halves go.

    >>> whole_in_image(np.array([[39, 8]]), Geometry((0.4, 0.4), (800, 800), (320, 320)))
    array([[98., 20.]])
    """
    precise = points if points.dtype == np.float32 else points.astype(np.float64)
    image = np.array(geometry.image_size, precise.dtype)
    content = np.round(np.array(geometry.scale) * geometry.image_size).astype(precise.dtype)
    placed: Polygon = np.round(precise / content * image).clip(0, image).astype(np.float64)
    return placed


def quad_around(points: Points, min_width: float = 0.0) -> NDArray[np.float32] | None:
    """The corners of the smallest rectangle around points (n, 2), int32 or float32; None below ``min_width``.

    >>> quad_around(np.array([[0, 0], [2, 0], [0, 2], [2, 2]], np.int32), min_width=3) is None
    True
    """
    rectangle = cv2.minAreaRect(points)
    return cast("NDArray[np.float32]", cv2.boxPoints(rectangle)) if min(rectangle[1]) >= min_width else None


def outline_around(points: NDArray[np.int32]) -> NDArray[np.int32] | None:
    """The outline of a connected set of pixels, (n, 2) as x and y; None when it has fewer than four points.

    Of a set in several pieces it is the outline of the one that OpenCV lists first.
    """
    left_top = points.min(axis=0)
    width, height = (points.max(axis=0) - left_top + 1).tolist()
    mask = np.zeros((height, width), np.uint8)
    mask[points[:, 1] - left_top[1], points[:, 0] - left_top[0]] = 1
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = contours[0].reshape(-1, 2)
    return cast("NDArray[np.int32]", outline + left_top) if len(outline) >= 4 else None
