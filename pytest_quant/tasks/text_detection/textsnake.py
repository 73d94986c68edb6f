"""The decoder of TextSnake: centre regions, their directions and radii to polygons around chains of disks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from pytest_quant.tasks.text_detection.centering import Centers, PixelRegion, center_points
from pytest_quant.tasks.text_detection.disks import Disks, Drawing, draw_disks, merge_disks
from pytest_quant.tasks.text_detection.geometry import Geometry, to_image
from pytest_quant.tasks.text_detection.parameters import TextSnakeParameters
from pytest_quant.tasks.text_detection.prediction import Polygon, TextPrediction, make_prediction
from pytest_quant.tasks.text_detection.skeleton import skeletonize

CHANNELS = 5
"""Logits of text and of centre region, sine and cosine of the direction, radius in pixels of the net's input."""

_TEXT, _CENTER, _SINE, _COSINE, _RADIUS = range(CHANNELS)

_LARGEST = np.float32(1e9)
"""Of sine, cosine and radius: a broken net can give any finite number, and the squares of these are finite."""


def decode_textsnake(maps: NDArray[np.float32], geometry: Geometry, parameters: TextSnakeParameters) -> TextPrediction:
    """Polygons in image coordinates from a TextSnake head. Source: TextSnakePostprocessor of MMOCR.

    The published decoder never ends where the radius is zero; here such walks have a cap, and the prediction tells how
    many met it.

    Args:
        maps: float32, shape (5, h, w), finite: logits of text and of centre region, sine, cosine, radius.
        geometry: Of this image.
        parameters: Thresholds.

    Returns:
        The instances in the order in which OpenCV lists the centre regions; scores are mean text probabilities.

    """
    polygons: list[Polygon] = []
    scores: list[float] = []
    capped_points = 0
    for contour in _center_contours(maps, parameters):
        instance = _Instance(maps, _filled(contour), parameters)
        capped_points += instance.capped_points
        found = instance.outline()
        if found is not None:
            polygons.append(to_image(found.points, geometry, float32_scale=parameters.float32_scale))
            scores.append(found.score)
    return make_prediction(polygons, scores, capped_points)


def _center_contours(maps: NDArray[np.float32], parameters: TextSnakeParameters) -> list[NDArray[np.int32]]:
    """The outer contours of the centre regions that are large enough; holes in a region do not count."""
    threshold = parameters.min_center_region_confidence
    center = np.zeros(maps.shape[1:], np.uint8)
    # The product of both probabilities exceeds the threshold only where each does.
    floor = np.float32(logit(threshold)) - np.float32(1e-3)
    candidates = np.flatnonzero((maps[_CENTER] > floor) & (maps[_TEXT] > floor))
    center.reshape(-1)[candidates] = _center_probability(maps.reshape(CHANNELS, -1)[:, candidates]) > threshold
    contours, _ = cv2.findContours(center, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [
        np.asarray(contour, np.int32) for contour in contours if cv2.contourArea(contour) >= parameters.min_center_area
    ]


def _center_probability(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the channels of some pixels, shape (5, n): probability of a centre region inside of text."""
    probability: NDArray[np.float32] = expit(values[_CENTER]) * expit(values[_TEXT])
    return probability


def _filled(contour: NDArray[np.int32]) -> PixelRegion:
    left, top, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.drawContours(mask, [contour], -1, 1, thickness=-1, offset=(-left, -top))
    return PixelRegion(mask.view(np.bool_), (left, top))


@dataclass(frozen=True)
class _Outline:
    points: NDArray[np.int32]
    """Shape (n, 2), x and y in pixels of the map."""
    score: float


class _Instance:
    """One centre region on its way to a polygon."""

    def __init__(self, maps: NDArray[np.float32], region: PixelRegion, parameters: TextSnakeParameters) -> None:
        self._maps = maps
        self._parameters = parameters
        centers = _middle_line(maps, region, parameters)
        self.capped_points = centers.capped_points
        self._disks = merge_disks(_disks_at(maps, centers, parameters), parameters.disk_overlap_thr)

    def outline(self) -> _Outline | None:
        """The outline of the disks; of those in several pieces it is the piece that OpenCV lists first."""
        height, width = self._maps.shape[1:]
        drawing = draw_disks(self._disks, (width, height))
        if drawing is None:
            return None
        contours, _ = cv2.findContours(drawing.mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        if len(contours[0]) <= 4 or cv2.contourArea(contours[0]) <= 0:
            return None
        points = contours[0].reshape(-1, 2) + np.array(drawing.left_top, np.int32)
        return _Outline(np.asarray(points, np.int32), self._score(drawing))

    def _score(self, drawing: Drawing) -> float:
        """Mean text probability under all disks."""
        text = expit(self._maps[_TEXT][drawing.window])
        return float(cv2.mean(text, mask=drawing.mask)[0])


def _middle_line(maps: NDArray[np.float32], region: PixelRegion, parameters: TextSnakeParameters) -> Centers:
    skeleton = np.argwhere(skeletonize(region.mask)) + np.array(region.left_top[::-1])
    sine, cosine, radius = np.clip(maps[_SINE:, skeleton[:, 0], skeleton[:, 1]], -_LARGEST, _LARGEST)
    norm = np.sqrt(np.float32(1) / (sine**2 + cosine**2 + np.float32(1e-8)))
    # The normal of the direction (cosine, sine), as y and x.
    length = np.float32(parameters.step_ratio) * radius
    steps = length * np.stack([cosine * norm, -sine * norm])
    return center_points(skeleton, steps.T, region)


def _disks_at(maps: NDArray[np.float32], centers: Centers, parameters: TextSnakeParameters) -> Disks:
    y, x = centers.points.T
    values = maps[:, y, x]
    radii = np.clip(values[_RADIUS], -_LARGEST, _LARGEST) * np.float32(parameters.radius_shrink_ratio)
    return np.column_stack([x, y, radii, _center_probability(values)]).astype(np.float64)
