"""The decoders of differentiable binarization (DB): one probability map to polygons, in three published ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pyclipper
from numpy.typing import NDArray

from pytest_quant.tasks.text_detection.geometry import Geometry, Points, quad_around, to_image, whole_in_image
from pytest_quant.tasks.text_detection.parameters import DbParameters
from pytest_quant.tasks.text_detection.prediction import TextPrediction, make_prediction

Probability = NDArray[np.float32]
"""Shape (h, w), values in [0, 1]."""

_GROWN = 2
"""By how many pixels the original asks more of an instance after it was grown."""


def decode_db(probability: Probability, geometry: Geometry, parameters: DbParameters) -> TextPrediction:
    """Polygons in image coordinates from the probability map of a DB head.

    Sources: DBPostprocessor of MMOCR 1.x; SegDetectorRepresenter of MhLiao/DB, whose steps PaddleOCR's DBPostProcess
    follows with other parameters. The latter two round to whole pixels of the image and clip to it.

    Args:
        probability: float32, shape (h, w), in [0, 1], as large as the net's input.
        geometry: Of this image.
        parameters: Thresholds, output form and order of steps.

    Returns:
        The instances in the order in which OpenCV lists their contours; scores are mean probabilities.

    """
    mask = (probability > parameters.mask_threshold).view(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    decode = _STEPS[parameters.style, parameters.box]
    found = list(decode([np.asarray(contour, np.int32) for contour in contours], probability, parameters))
    place = whole_in_image if parameters.style == "original" else to_image
    return make_prediction((place(shape, geometry) for shape, _ in found), (score for _, score in found))


Found = Iterator[tuple[Points, float]]
"""Shape in map coordinates, (n, 2), and score."""


def _mmocr(contours: list[NDArray[np.int32]], probability: Probability, parameters: DbParameters) -> Found:
    for contour in contours[: parameters.max_candidates + 1]:
        outline = _simplified(contour, parameters.epsilon_ratio)
        score = mean_inside(probability, outline) if len(outline) >= 4 else 0.0
        if len(outline) < 4 or score < parameters.box_threshold:
            continue
        parts = grow(outline, parameters.unclip_ratio)
        # Parts that make a regular array pass the published check for several parts, and the first is used.
        if not parts or len({len(part) for part in parts}) > 1:
            continue
        shape: Points | None = parts[0]
        if parameters.box == "quad":
            shape = quad_around(parts[0], parameters.min_size)
        if shape is not None and len(shape) >= 4:
            yield shape, score


def _original_quad(contours: list[NDArray[np.int32]], probability: Probability, parameters: DbParameters) -> Found:
    for contour in contours[: parameters.max_candidates]:
        quad = quad_around(contour, parameters.min_size)
        if quad is None:
            continue
        quad = clockwise_from_top_left(quad)
        score = mean_inside(probability, quad)
        if score < parameters.box_threshold:
            continue
        parts = grow(quad, parameters.unclip_ratio)
        grown = quad_around(np.concatenate(parts), parameters.min_size + _GROWN) if parts else None
        if grown is not None:
            yield clockwise_from_top_left(grown), score


def _original_poly(contours: list[NDArray[np.int32]], probability: Probability, parameters: DbParameters) -> Found:
    for contour in contours[: parameters.max_candidates]:
        outline = _simplified(contour, parameters.epsilon_ratio)
        score = mean_inside(probability, outline) if len(outline) >= 4 else 0.0
        if len(outline) < 4 or score < parameters.box_threshold:
            continue
        parts = grow(outline, parameters.unclip_ratio)
        if len(parts) == 1 and quad_around(parts[0], parameters.min_size + _GROWN) is not None:
            yield parts[0], score


_STEPS: dict[tuple[str, str], Callable[[list[NDArray[np.int32]], Probability, DbParameters], Found]] = {
    ("mmocr", "quad"): _mmocr,
    ("mmocr", "poly"): _mmocr,
    ("original", "quad"): _original_quad,
    ("original", "poly"): _original_poly,
}


def _simplified(contour: NDArray[np.int32], epsilon_ratio: float) -> NDArray[np.int32]:
    epsilon = epsilon_ratio * cv2.arcLength(contour, True)
    return np.asarray(cv2.approxPolyDP(contour, epsilon, True), np.int32).reshape(-1, 2)


def mean_inside(probability: Probability, points: Points) -> float:
    """Mean of a map inside a polygon (n, 2), its border included, cut to whole pixels from its own corner.

    >>> grid = np.arange(0, 1, 0.05, dtype=np.float32).reshape(4, 5)
    >>> round(mean_inside(grid, np.array([[0, 0], [0, 1], [1, 1], [1, 0]])), 6)
    0.15
    """
    last = np.array(probability.shape[::-1]) - 1
    left, top = np.floor(points.min(axis=0)).clip(0, last).astype(int).tolist()
    right, bottom = np.ceil(points.max(axis=0)).clip(0, last).astype(int).tolist()
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [(points - np.array([left, top], points.dtype)).astype(np.int32)], 1)
    return float(cv2.mean(probability[top : bottom + 1, left : right + 1], mask)[0])


def grow(points: Points, ratio: float) -> list[NDArray[np.int32]]:
    """A polygon (n, 2) grown by its area over its perimeter times ``ratio``, with round corners, on whole pixels.

    Gives its parts, none when nothing is left; a polygon without area stays out.
    """
    x, y = points.astype(np.float64).T
    area = 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
    perimeter = float(np.hypot(x - np.roll(x, -1), y - np.roll(y, -1)).sum())
    if perimeter == 0:
        return []
    return offset_polygon(points, area * ratio / perimeter)


def offset_polygon(points: Points, distance: float) -> list[NDArray[np.int32]]:
    """The parts of a polygon (n, 2) after moving its border outwards by ``distance``, on whole pixels.

    >>> offset_polygon(np.array([[0, 0], [1, 0], [1, 1], [0, 1]]), -10)
    []
    """
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(points.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return [np.array(part, np.int32) for part in offset.Execute(distance)]


def clockwise_from_top_left(quad: NDArray[np.float32]) -> NDArray[np.float32]:
    """Four corners as top left, top right, bottom right, bottom left.

    >>> clockwise_from_top_left(np.array([[0, 2], [0, 0], [4, 0], [4, 2]], np.float32)).tolist()
    [[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [0.0, 2.0]]
    """
    by_x = quad[np.argsort(quad[:, 0], kind="stable")]
    top_left, bottom_left = by_x[:2] if by_x[1, 1] > by_x[0, 1] else by_x[1::-1]
    top_right, bottom_right = by_x[2:] if by_x[3, 1] > by_x[2, 1] else by_x[:1:-1]
    return np.stack([top_left, top_right, bottom_right, bottom_left])
