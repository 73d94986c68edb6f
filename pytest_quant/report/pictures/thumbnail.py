"""Pixels to small images, and drawings to their scale."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from pytest_quant.datasets.base import Image
from pytest_quant.report.model.illustration import DrawingEntry, ShapeEntry
from pytest_quant.tasks.drawing import Drawing, Mask, Outline, Skeleton

LONG_SIDE_PX = 320
_LOSSLESS_PX = 64
"""Up to this size an image is kept as it is, pixel by pixel."""
_QUALITY = 55
_MOST_SHAPES = 60
"""Of one side; more would hide the picture."""
_COLORS = 24
"""Classes beyond these repeat the colours."""


@dataclass(frozen=True)
class Thumbnail:
    """A small image, and how small it is."""

    webp: str
    """In base64."""
    width_px: int
    height_px: int
    scale: float
    """Its size by that of the image."""


def thumbnail(image: Image) -> Thumbnail:
    """An image with a long side of at most 320 pixels.

    >>> small = thumbnail(np.zeros((480, 640, 3), np.uint8))
    >>> small.width_px, small.height_px, small.scale
    (320, 240, 0.5)
    """
    height, width = image.shape[:2]
    scale = min(1.0, LONG_SIDE_PX / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = PillowImage.fromarray(image)
    if scale < 1:
        small = small.resize(size, PillowImage.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "WEBP", lossless=max(size) <= _LOSSLESS_PX, quality=_QUALITY, method=4)
    return Thumbnail(base64.b64encode(out.getvalue()).decode(), *size, scale)


def scaled(drawing: Drawing, scale: float) -> DrawingEntry:
    """A drawing in pixels of the thumbnail."""
    shapes = [_shape(shape, scale) for shape in drawing.shapes if not isinstance(shape, Mask)]
    masks = [shape for shape in drawing.shapes if isinstance(shape, Mask)]
    return DrawingEntry(
        caption=drawing.caption,
        shapes=tuple(shapes[:_MOST_SHAPES]),
        left_out=max(0, len(shapes) - _MOST_SHAPES),
        mask=_mask_png(masks[0]) if masks else None,
    )


def _shape(shape: Outline | Skeleton, scale: float) -> ShapeEntry:
    points = tuple(
        None if one is None else (round(one[0] * scale, 1), round(one[1] * scale, 1)) for one in shape.points
    )
    if isinstance(shape, Skeleton):
        return ShapeEntry(points=points, links=shape.links)
    return ShapeEntry(points=points, label=shape.label, closed=shape.closed, dashed=shape.dashed)


def _mask_png(mask: Mask) -> str:
    """A palette image; what has no class is see-through."""
    places = np.where(mask.classes < 0, 0, mask.classes % _COLORS + 1).astype(np.uint8)
    image = PillowImage.fromarray(places)
    image.putpalette([0, 0, 0, *_palette()])
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True, transparency=0)
    return base64.b64encode(out.getvalue()).decode()


def _palette() -> list[int]:
    """Colours that differ: hues by the golden angle, in two brightnesses."""
    import colorsys

    found = []
    for index in range(_COLORS):
        rgb = colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.55 + 0.4 * (index % 2), 0.95 - 0.35 * (index // 2 % 2))
        found += [round(255 * value) for value in rgb]
    return found
