"""From a net's output to a class for each pixel of the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_quant.spec.errors import RunnerError
from pytest_quant.tasks.semantic_segmentation.lattice import lattice
from pytest_quant.tasks.semantic_segmentation.likely import LikelyAnswers, SampledPlanes
from pytest_quant.tasks.semantic_segmentation.options import PostprocessOptions
from pytest_quant.tasks.semantic_segmentation.preprocess import Geometry, Size

Map: TypeAlias = NDArray[np.float32]
Answers: TypeAlias = NDArray[np.uint16]
"""Shape (height, width): the predicted class of each pixel."""

_MOST_CLASSES = 65535


@dataclass(frozen=True)
class Decoded:
    """What an output says of an image."""

    answers: Answers
    class_count: int | None
    """How many classes the net has; None: an output of labels does not tell."""
    likely: LikelyAnswers | None = None
    """At the `lattice` of the image; None: an output of labels does not tell."""


ArrayT = TypeVar("ArrayT", bound=NDArray[np.generic])


def decode(output: NDArray[np.float32], blob: str, geometry: Geometry, options: PostprocessOptions) -> Decoded:
    """The class of each pixel of the image.

    Args:
        output: Logits of shape (classes, height, width), or labels of shape (height, width) or (1, height, width).
        blob: The blob's name, for messages.
        geometry: Sizes of the image and of the net's input; an output of another size is brought to them.
        options: What the output is and what is resized.

    Raises:
        RunnerError: The output has another shape, holds NaN, or labels that are not whole numbers from 0.

    """
    if options.output == "labels":
        return Decoded(_resized_labels(_labels(output, blob), blob, geometry, options), None)
    logits = output[np.newaxis] if output.ndim == 2 else output
    if logits.ndim != 3 or not 0 < len(logits) <= _MOST_CLASSES:
        raise RunnerError(
            f"output blob {blob!r} has shape {output.shape}; expected one map for each class, (classes, height, "
            "width); `postprocess: {output: labels}` is for a map of class indexes"
        )
    if np.isnan(logits).any():
        raise RunnerError(f"output blob {blob!r} holds {int(np.isnan(logits).sum())} NaN among {logits.size} values")
    count = max(2, len(logits))
    points = lattice(geometry.image[1], geometry.image[0])
    if options.resized == "logits":
        planes = SampledPlanes((_bilinear(plane, geometry, options.align_corners) for plane in logits), points)
        return Decoded(largest(iter(planes), options.threshold), count, planes.likely)
    own = np.arange(logits[0].size, dtype=np.int32).reshape(logits.shape[1:])
    planes = SampledPlanes(logits, _resized_labels(own, blob, geometry, options).reshape(-1)[points])
    answers = largest(iter(planes), options.threshold)
    return Decoded(_resized_labels(answers, blob, geometry, options), count, planes.likely)


def largest(planes: Iterator[Map], threshold: float = 0.3) -> Answers:
    """The index of the largest plane at each pixel, the first of equal ones; a single one is held against a threshold.

    One plane is looked at after the other, so that logits never lie in memory at the size of the image.

    >>> largest(iter([np.zeros((1, 2), np.float32), np.array([[0, 1]], np.float32)])).tolist()
    [[0, 1]]
    """
    best = next(planes).copy()
    answers: Answers = np.zeros(best.shape, np.uint16)
    index = 0
    for index, plane in enumerate(planes, start=1):
        answers[plane > best] = index
        np.maximum(best, plane, out=best)
    if index == 0:
        answers[1 / (1 + np.exp(-best.astype(np.float64))) > threshold] = 1
    return answers


def _labels(output: NDArray[np.float32], blob: str) -> Answers:
    labels = output[0] if output.ndim == 3 and len(output) == 1 else output
    if labels.ndim != 2:
        raise RunnerError(
            f"output blob {blob!r} has shape {output.shape}; expected one map of class indexes, (1, height, width); "
            "`postprocess: {output: logits}` is for one map for each class"
        )
    if not np.all((labels >= 0) & (labels <= _MOST_CLASSES) & (labels == np.round(labels))):
        raise RunnerError(
            f"output blob {blob!r} holds values that are not class indexes, from {labels.min():g} to {labels.max():g}; "
            "is it a map of logits (`postprocess: {output: logits}`)?"
        )
    return labels.astype(np.uint16)


def _bilinear(plane: Map, geometry: Geometry, align_corners: bool) -> Map:
    """A plane of the output at the size of the image: first the net's input, without its padding, then the image."""
    enlarge = corner_aligned if align_corners else _linear
    return enlarge(_cut(enlarge(plane, geometry.padded), geometry), geometry.image)


def _linear(plane: Map, size: Size) -> Map:
    return _resize(plane, size, cv2.INTER_LINEAR)


def corner_aligned(plane: Map, size: Size) -> Map:
    """Bilinear resize to ``size`` (width, height) that keeps the corners' values: ``align_corners=True`` of torch.

    >>> corner_aligned(np.array([[0, 2]], np.float32), (5, 1)).tolist()
    [[0.0, 0.5, 1.0, 1.5, 2.0]]
    """
    if _size(plane) == size:
        return plane
    for axis, length in ((0, size[1]), (1, size[0])):
        place = np.linspace(0, plane.shape[axis] - 1, length) if length > 1 else np.zeros(1)
        low = np.minimum(place.astype(np.int64), max(0, plane.shape[axis] - 2))
        share = (place - low).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
        high = np.minimum(low + 1, plane.shape[axis] - 1)
        plane = np.take(plane, low, axis) * (1 - share) + np.take(plane, high, axis) * share
    return plane


def _resized_labels(labels: ArrayT, blob: str, geometry: Geometry, options: PostprocessOptions) -> ArrayT:
    if options.resized == "none":
        found = _cut(labels, geometry) if _size(labels) == geometry.padded else labels
        if _size(found) != geometry.image:
            raise RunnerError(
                f"output blob {blob!r} has the size {list(_size(labels))} (width, height) and the image "
                f"{list(geometry.image)}, but `postprocess.resize` is none; expected equal sizes: resize `logits` or "
                "`labels`"
            )
        return found
    at_input = _resize(labels, geometry.padded, cv2.INTER_NEAREST)
    return _resize(_cut(at_input, geometry), geometry.image, cv2.INTER_NEAREST)


def _size(array: NDArray[np.generic]) -> Size:
    return array.shape[1], array.shape[0]


def _cut(array: ArrayT, geometry: Geometry) -> ArrayT:
    """Without the padding."""
    return cast(ArrayT, np.ascontiguousarray(array[: geometry.resized[1], : geometry.resized[0]]))


def _resize(array: ArrayT, size: Size, interpolation: int) -> ArrayT:
    if _size(array) == size:
        return array
    return cast(ArrayT, cv2.resize(np.ascontiguousarray(array), size, interpolation=interpolation))
