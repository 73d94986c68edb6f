"""Layers that work along some axes: Reduction, Softmax and their like, norms of the last axes, ArgMax.

An axis that a blob lacks is passed over: a Reduction then makes an output that nobody has written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import (
    MOST_AXES,
    MaybeShape,
    Shape,
    axes_of,
    beside,
    extents,
    own_axis,
    values,
    words,
)
from pytest_quant.nets.ncnn.files.param import Layer


def reduction_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Reduction: without the axes that go, or 1 in their places (parameter 4)."""
    bottom = bottoms[0]
    if bottom is None:
        return None
    gone = _reduced(layer, bottom)
    if layer.get_int(4):
        return tuple(1 if axis in gone else size for axis, size in enumerate(bottom))
    return tuple(size for axis, size in enumerate(bottom) if axis not in gone) or (1,)


def _reduced(layer: Layer, bottom: Shape) -> set[int]:
    if layer.get_int(1, 1) or len(bottom) == 1:
        return set(range(len(bottom)))
    return {own_axis(axis, bottom) for axis in axes_of(layer, 3)}


def check_reduction(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """No axis, or one that the blob lacks."""
    bottom = bottoms[0]
    if layer.get_int(1, 1):
        return
    axes = axes_of(layer, 3)
    if not axes and (bottom is None or len(bottom) > 1):
        yield "reduces no axis: neither all (parameter 1) nor those that parameter 3 lists (-23303)"
    yield from _lacking(layer, bottom, axes, "reduces")


def check_flip(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """An axis that the blob lacks."""
    yield from _lacking(layer, bottoms[0], axes_of(layer, 0), "works")


def check_axis(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Of a layer that works along one axis (parameter 0)."""
    bottom = bottoms[0]
    if bottom is not None and len(bottom) > 1:
        yield from _lacking(layer, bottom, (layer.get_int(0),), "works")


def _lacking(layer: Layer, bottom: MaybeShape, axes: Sequence[int], what: str) -> Iterator[str]:
    for axis in axes:
        if bottom is not None:
            most = MOST_AXES if len(bottom) == 1 else len(bottom)  # a blob of one axis is taken along that
            if not -len(bottom) <= axis < most:
                yield beside(axis, layer, bottom, what)


def check_norm(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Of a LayerNorm or a RMSNorm: a number for each value of the last axis, or of all behind the first."""
    bottom, count = bottoms[0], layer.get_int(0)
    if bottom is None or not layer.get_int(2, 1):
        return
    _, depth, height, width = extents(bottom)
    fitting = [width]
    if len(bottom) > 2:
        fitting.append(values((height, width)))
    if len(bottom) > 3:
        fitting.append(values((depth, height, width)))
    if None not in fitting and count not in fitting:
        yield f"has {count} numbers for each row, and {layer.bottoms[0]!r} is {words(bottom)}"


def check_arg_max(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """More of the largest values than there are values."""
    found, wanted = values(bottoms[0]), layer.get_int(1, 1)
    if wanted < 1 or (found is not None and wanted > found):
        yield f"gives the {wanted} largest values of {layer.bottoms[0]!r} ({words(bottoms[0])})"


def arg_max_shape(layer: Layer, _bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of an ArgMax."""
    return (2 if layer.get_int(0) else 1), layer.get_int(1, 1)
