"""The drawings of a sample over its thumbnail: lines that stay sharp at any size, one colour for each side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pytest_quant.report.model.illustration import Change, DrawingEntry, PictureEntry, Place, ShapeEntry

Side = Literal["truth", "fp32", "int8"]
_SIDES: tuple[Side, ...] = ("truth", "fp32", "int8")
_LABEL_PX = (2.0, 8.0)
"""A label stands so far above its shape, and at least so far from the edge."""
_WORDS: dict[Change, str] = {
    "lost": "worse in int8",
    "gained": "better in int8",
    "moved": "changed",
    "same": "unchanged",
}


@dataclass(frozen=True)
class LineView:
    """A polygon, or a line."""

    points: str
    """As SVG has them."""
    closed: bool
    dashed: bool = False
    label: str = ""
    label_place: Place = (0, 0)


@dataclass(frozen=True)
class SideView:
    """One side of a picture."""

    side: Side
    caption: str
    lines: tuple[LineView, ...]
    dots: tuple[Place, ...]
    mask: str
    """A data address; empty: none."""


@dataclass(frozen=True)
class PictureView:
    """One picture, as the page shows it."""

    sample: str
    change: Change
    words: str
    source: str
    """The thumbnail as a data address."""
    width: int
    height: int
    is_tiny: bool
    """So few pixels that one shows them as squares."""
    sides: tuple[SideView, ...]

    @property
    def has_masks(self) -> bool:
        """Whether each side has a picture of its own."""
        return any(one.mask for one in self.sides)


def picture_view(picture: PictureEntry) -> PictureView:
    """A picture with its three drawings."""
    return PictureView(
        sample=picture.sample,
        change=picture.change,
        words=_WORDS[picture.change],
        source=f"data:image/webp;base64,{picture.image}",
        width=picture.width,
        height=picture.height,
        is_tiny=max(picture.width, picture.height) <= 64,
        sides=tuple(_side(side, getattr(picture, side)) for side in _SIDES),
    )


def _side(side: Side, drawing: DrawingEntry) -> SideView:
    mask = "" if drawing.mask is None else f"data:image/png;base64,{drawing.mask}"
    more = f" ({drawing.left_out} more not drawn)" if drawing.left_out else ""
    lines = [line for shape in drawing.shapes for line in _lines(shape)]
    dots = [point for shape in drawing.shapes if shape.links is not None for point in shape.points if point]
    return SideView(side, drawing.caption + more, tuple(lines), tuple(dots), mask)


def _lines(shape: ShapeEntry) -> Iterator[LineView]:
    if shape.links is None:
        points = [point for point in shape.points if point is not None]
        x, y = min(points, key=lambda point: (point[1], point[0]), default=(0, 0))
        place = (x, max(y - _LABEL_PX[0], _LABEL_PX[1]))
        yield LineView(_points(points), shape.closed, shape.dashed, shape.label, place)
        return
    for one, other in shape.links:
        ends = [point for point in (shape.points[one], shape.points[other]) if point is not None]
        if len(ends) == 2:
            yield LineView(_points(ends), closed=False)


def _points(points: Iterable[Place]) -> str:
    """As the attribute of a polygon.

    >>> _points([(1.0, 2.5), (3.0, 4.0)])
    '1,2.5 3,4'
    """
    return " ".join(f"{x:g},{y:g}" for x, y in points)
