"""The shape of a blob, as far as it is known before anything runs.

A shape is as NumPy has it: (channels, depth, height, width), (channels, height, width), (rows, values) or (values,),
with None for a size that is not known; where the number of axes is not known either, the shape as a whole is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import cast

from pytest_quant.nets.ncnn.files.param import Layer

Size = int | None
Shape = tuple[Size, ...]
MaybeShape = Shape | None

Rule = Callable[[Layer, Sequence[MaybeShape]], MaybeShape]
"""Gives the shape of a layer's first output; one that is not sure says None."""
Check = Callable[[Layer, Sequence[MaybeShape]], Iterator[str]]
"""Gives in words what of its inputs a layer cannot take."""

MOST_AXES = 4


def values(shape: MaybeShape) -> Size:
    """How many values a blob holds, where it is known."""
    return None if shape is None or None in shape else prod(cast("tuple[int, ...]", shape))


def is_empty(shape: Shape) -> bool:
    """Whether a size that is known leaves no room for any value.

    >>> is_empty((3, None, 8)), is_empty((3, 0, 8))
    (False, True)
    """
    for size in shape:  # noqa: SIM110 - asked of every blob, and `any` over a generator takes thrice as long
        if size is not None and size < 1:
            return True
    return False


def extents(shape: MaybeShape) -> tuple[Size, Size, Size, Size]:
    """Channels, depth, height and width as ncnn has them of any blob: 1 for the axes that it lacks.

    >>> extents((5, 7))
    (1, 1, 5, 7)
    """
    if shape is None or not 1 <= len(shape) <= MOST_AXES:
        return None, None, None, None
    if len(shape) == 4:
        return shape[0], shape[1], shape[2], shape[3]
    if len(shape) == 3:
        return shape[0], 1, shape[1], shape[2]
    return 1, 1, shape[0] if len(shape) == 2 else 1, shape[-1]


def differs(sizes: Sequence[Size]) -> bool:
    """Whether two of those that are known do."""
    return len({size for size in sizes if size is not None}) > 1


def own_axis(axis: int, shape: Shape) -> int:
    """A negative axis counts from the last, and a blob of one axis is taken along that; the result may lie outside."""
    if len(shape) == 1:
        return 0
    return axis + len(shape) if axis < 0 else axis


def axes_of(layer: Layer, key: int) -> tuple[int, ...]:
    """The numbers that a parameter lists."""
    found = layer.params.get(key, ())
    return tuple(int(axis) for axis in found) if isinstance(found, tuple) else ()


def words(shape: MaybeShape) -> str:
    """Width first, as ncnn has it.

    >>> words((3, None, 8))
    '8x?x3'
    """
    sizes = () if shape is None else shape[::-1]
    return "x".join("?" if size is None else str(size) for size in sizes)


def listed(shapes: Sequence[MaybeShape]) -> str:
    """The first four in words."""
    return " and ".join(map(words, shapes[:4])) + (" and more" if len(shapes) > 4 else "")


def beside(axis: int, layer: Layer, bottom: Shape, what: str = "works") -> str:
    """That an input lacks an axis."""
    return f"{what} along axis {axis}, and {layer.bottoms[0]!r} has {len(bottom)} axes ({words(bottom)})"
