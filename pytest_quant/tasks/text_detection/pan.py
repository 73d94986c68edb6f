"""The decoder of PAN (Pixel Aggregation Network): text map, kernels and embeddings to polygons."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from pytest_quant.tasks.text_detection.geometry import Geometry, outline_around, quad_around, to_image
from pytest_quant.tasks.text_detection.parameters import PanParameters
from pytest_quant.tasks.text_detection.pixel_grouping import Labels, group_pixels, sum_by_label
from pytest_quant.tasks.text_detection.prediction import TextPrediction, make_prediction

CHANNELS_MIN = 3
"""Text, kernel and at least one channel of embedding; the published nets have four."""


def decode_pan(maps: NDArray[np.float32], geometry: Geometry, parameters: PanParameters) -> TextPrediction:
    """Polygons in image coordinates from a PAN head. Source: PANPostprocessor of MMOCR 0.x and 1.x.

    Args:
        maps: float32, shape (channels, h, w), finite: the logits of text and kernel, then the embedding.
        geometry: Of this image.
        parameters: Thresholds and output form.

    Returns:
        The instances in the order of their kernels, which is raster order; scores are mean text probabilities.

    """
    text_probability = expit(maps[0])
    text = text_probability > parameters.min_text_confidence
    kernel = (expit(maps[1]) > parameters.min_kernel_confidence) & text
    _, kernels = cv2.connectedComponents(kernel.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    labels = group_pixels(
        text, np.asarray(kernels, np.int32), _contour_pixels(kernel), maps[2:], parameters.distance_threshold
    )
    instances = list(_instances(labels, text_probability, parameters))
    polygons = (
        to_image(shape, geometry, parameters.downsample_ratio, float32_scale=parameters.float32_scale)
        for shape, _ in instances
    )
    return make_prediction(polygons, (score for _, score in instances))


def _contour_pixels(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels on the contours of a mask, holes included."""
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    found = np.zeros(mask.shape, np.bool_)
    if contours:
        points = np.concatenate(contours).reshape(-1, 2)
        found[points[:, 1], points[:, 0]] = True
    return found


def _instances(
    labels: Labels, text_probability: NDArray[np.float32], parameters: PanParameters
) -> Iterator[tuple[NDArray[np.int32] | NDArray[np.float32], float]]:
    """Shape in map coordinates and score of each instance that is kept."""
    pixels = np.flatnonzero(labels)
    owners = labels.reshape(-1)[pixels]
    areas = np.bincount(owners, minlength=1)
    sums = sum_by_label(text_probability.reshape(-1)[pixels], owners, len(areas))
    scores = sums / np.maximum(areas, 1).astype(np.float32)
    rows, columns = np.divmod(pixels, labels.shape[1])
    points = np.stack([columns, rows], axis=1).astype(np.int32)[np.argsort(owners, kind="stable")]
    ends = np.cumsum(areas)
    for label in np.flatnonzero((areas >= parameters.min_text_area) & (scores > parameters.score_threshold)):
        of_label = points[ends[label] - areas[label] : ends[label]]
        if len(of_label):
            shape = quad_around(of_label) if parameters.text_repr_type == "quad" else outline_around(of_label)
            if shape is not None:
                yield shape, float(scores[label])
