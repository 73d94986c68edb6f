"""Where the image lies in the net's input, and the way of boxes back to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_quant.tasks.object_detection.prediction import Boxes


@dataclass(frozen=True)
class Geometry:
    """One image in the net's input; sizes are (width, height) in pixels."""

    image_size: tuple[int, int]
    input_size: tuple[int, int]
    seen_size: tuple[int, int]
    """Of the resized image, without padding."""
    scale: tuple[float, float]
    """By which boxes of the input are divided, for x and y."""
    offset: tuple[int, int] = (0, 0)
    """Of the resized image in the input: left and top padding."""

    def to_image(self, boxes: Boxes) -> Boxes:
        """Boxes of shape (n, 4) from pixels of the input to pixels of the image."""
        offset, scale = np.array(self.offset * 2, np.float32), np.array(self.scale * 2, np.float32)
        return (boxes - offset) / scale

    def clip(self, boxes: Boxes) -> Boxes:
        """Boxes of the input, cut off where the resized image ends."""
        low = np.array(self.offset * 2, np.float32)
        return np.clip(boxes, low, low + np.array(self.seen_size * 2, np.float32))

    def extent(self, boxes: Boxes) -> Boxes:
        """Width and height of boxes of the input, shape (n, 2), in pixels of the image."""
        size, scale = boxes[:, 2:] - boxes[:, :2], np.array(self.scale, np.float32)
        return size / scale
