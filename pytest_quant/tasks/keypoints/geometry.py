"""From a person's box to the part of the image that the net sees, and from the net's pixels back to the image.

The steps are those of mmpose 1.x in its own float32 order. mmpose 0.x computes the same from a scale divided by 200.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_quant.datasets.base import Image
from pytest_quant.tasks.keypoints.heatmap import Points


@dataclass(frozen=True, eq=False)
class BoxRegion:
    """The upright rectangle of an image that becomes the net's input."""

    center: NDArray[np.float32]
    """x and y in pixels of the image."""
    size: NDArray[np.float32]
    """Width and height in pixels of the image; their ratio is that of the net's input."""
    input_size: tuple[int, int]
    """Width and height of the net's input."""

    def matrix(self, *, udp: bool) -> NDArray[np.float64]:
        """The affine map from the image to the net's input, shape (2, 3).

        Without ``udp`` the region's width becomes the input's width in pixels; with it, as in Unbiased Data Processing,
        its width less one, so that the outermost pixels have their centres on the border.
        """
        if udp:
            zoom = (np.array(self.input_size, np.float32) - 1) / self.size
            shift = zoom * (self.size * np.float32(0.5) - self.center)
            return np.column_stack([np.diag(zoom), shift]).astype(np.float64)
        width, height = self.input_size
        x, y = self.center
        reach = np.float32(x + self.size[0] * -0.5)
        source = np.array([[x, y], [reach, y], [reach, y + (x - reach)]], np.float32)
        target = np.array([[width, height], [0, height], [0, height + width]], np.float32) * np.float32(0.5)
        return cast(NDArray[np.float64], cv2.getAffineTransform(source, target))

    def cut(self, image: Image, *, udp: bool) -> Image:
        """The region as an image of the net's input size, bilinear, black where it reaches beyond the image."""
        return cast(Image, cv2.warpAffine(image, self.matrix(udp=udp), self.input_size, flags=cv2.INTER_LINEAR))

    def to_image(self, points: Points) -> Points:
        """Points from pixels of the net's input to pixels of the image, in the same dtype."""
        placed = points.astype(np.float64) / self.input_size * self.size + self.center - self.size * np.float32(0.5)
        rounded: Points = placed.astype(points.dtype)
        return rounded


def regions(corners: ArrayLike, input_size: tuple[int, int], padding: float) -> list[BoxRegion]:
    """The regions of boxes: ``padding`` times as large, then widened on one axis to the ratio of ``input_size``.

    ``corners``: left, top, right and bottom of each box in pixels, shape (n, 4).

    >>> regions([[10, 20, 30, 60]], (192, 256), 1.25)[0].size
    array([37.5, 50. ], dtype=float32)
    """
    boxes = np.asarray(corners, np.float32).reshape(-1, 4)
    centers = (boxes[:, 2:] + boxes[:, :2]) * np.float32(0.5)
    sizes = region_sizes(boxes, input_size, padding)
    return [BoxRegion(center, size, input_size) for center, size in zip(centers, sizes, strict=True)]


def region_sizes(boxes: NDArray[np.float32], input_size: tuple[int, int], padding: float) -> NDArray[np.float32]:
    """Width and height of the regions of boxes of shape (n, 4), in pixels of the image; shape (n, 2)."""
    width, height = ((boxes[:, 2:] - boxes[:, :2]) * np.float32(padding)).T
    ratio = np.float32(input_size[0] / input_size[1])
    wide = width > height * ratio
    return np.stack([np.where(wide, width, height * ratio), np.where(wide, width / ratio, height)], axis=1)
