"""The ground truth of text detection: the regions of one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

POINTS_MIN = 3
"""A polygon has an inside from three points on."""

COORDINATE_MAX = 1e7
"""No image is that many pixels wide; more is damage, and would overflow in areas."""


@dataclass(frozen=True)
class TextRegion:
    """One annotated region of text."""

    polygon: tuple[float, ...]
    """x1, y1, x2, y2, ... in pixels of the stored image, EXIF orientation not applied."""
    ignore: bool = False
    """A don't-care region: not to be found, and no mistake to have found."""
    text: str = field(default="", repr=False, compare=False)
    """The transcription, where the file has one; detection is scored without it."""


TextTruth = tuple[TextRegion, ...]
"""The ground truth of one sample, in the order of its file: greedy matching depends on it."""


def is_coordinate(value: float) -> bool:
    """Whether a number can be a place in an image or near it; NaN and infinity cannot."""
    return -COORDINATE_MAX < value < COORDINATE_MAX


def parse_coordinates(fields: Sequence[str]) -> tuple[float, ...]:
    """Coordinates as a text file writes them.

    Raises:
        ValueError: A field is not a number, or one that no image has; the message is for the line that holds it.

    >>> parse_coordinates(["377", " 117.5"])
    (377.0, 117.5)

    """
    values = []
    for written in fields:
        try:
            value = float(written)
        except ValueError:
            raise ValueError(f"{written.strip()!r} is not a number") from None
        if not is_coordinate(value):
            raise ValueError(f"{written.strip()!r} is not a coordinate in an image")
        values.append(value)
    return tuple(values)
