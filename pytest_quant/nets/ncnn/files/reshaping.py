"""Layers that give the same values another shape: Reshape, Permute, ExpandDims, Squeeze, Tile.

ncnn's Reshape does not count: one that makes more values than it reads goes on behind the blob.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import (
    MOST_AXES,
    MaybeShape,
    Shape,
    Size,
    axes_of,
    beside,
    extents,
    own_axis,
    values,
    words,
)
from pytest_quant.nets.ncnn.files.expressions import list_expression, listed_parts
from pytest_quant.nets.ncnn.files.param import Layer

_PLACES = {0: (), 1: (3,), 2: (2, 3), 3: (0, 2, 3), 4: (0, 1, 2, 3)}
"""By number of axes: which of (channels, depth, height, width) a blob has."""
_KEYS = (2, 11, 1, 0)
"""The parameters of a Reshape that hold them."""
_LEFT_OUT = -233
_EXPRESSION = 6
_BATCHES = frozenset({12, 13})


def reshape_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Reshape: 0 takes the size that the input has there, -1 what is left."""
    asked, bottom = _asked(layer, bottoms), bottoms[0]
    if not asked:
        return None
    total = values(bottom)
    if len(asked) == 1:
        return (total if asked[0] in (0, -1) else asked[0],)
    own = extents(bottom)
    places = _PLACES[len(asked)]
    filled = [own[place] if size == 0 else size for place, size in zip(places, asked, strict=True)]
    rest = values(tuple(size for size in filled if size != -1))
    left = total // rest if total is not None and rest is not None and rest > 0 else None
    return tuple(left if size == -1 else size for size in filled)


def _asked(layer: Layer, bottoms: Sequence[MaybeShape]) -> Shape | None:
    """The sizes that are asked for; None: only a run knows how many."""
    if _BATCHES & layer.params.keys():
        return None
    sizes = list_expression(layer, _EXPRESSION, bottoms)
    if sizes is not None:
        return sizes[::-1] if len(sizes) <= MOST_AXES else None
    axes = MOST_AXES
    for key, count in ((11, 3), (2, 2), (1, 1), (0, 0)):
        if layer.get_int(key, _LEFT_OUT) == _LEFT_OUT:
            axes = count
    return tuple(layer.get_int(_KEYS[place]) for place in _PLACES[axes])


def check_reshape(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Other than as many values as it reads."""
    yield from _faults_of_expression(layer, bottoms)
    asked = _asked(layer, bottoms)
    if asked is None:
        return
    least = min((size for size in asked if size is not None), default=0)
    if not asked:
        yield "has no width (parameter 0)"
    elif least < -1:
        yield f"makes a size of {least}"
    elif asked.count(-1) > 1:
        yield "leaves two sizes open (-1)"
    else:
        shape = reshape_shape(layer, bottoms)
        before, after = values(bottoms[0]), values(shape)
        if before is not None and after is not None and before != after:
            yield f"makes {after} values ({words(shape)}) of the {before} that it reads ({words(bottoms[0])})"


def _faults_of_expression(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    sizes, text = list_expression(layer, _EXPRESSION, bottoms), layer.params.get(_EXPRESSION)
    if sizes is None or not isinstance(text, str):
        return
    if len(sizes) != listed_parts(text):
        yield (
            f"has the expression {text!r} (parameter {_EXPRESSION}), which lists {listed_parts(text)} sizes by its "
            f"commas and {len(sizes)} by its operators"
        )
    elif len(sizes) > MOST_AXES:
        yield f"has the expression {text!r} (parameter {_EXPRESSION}) of {len(sizes)} sizes; a blob has {MOST_AXES}"


def permute_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Permute of up to three axes, or one that changes nothing."""
    bottom = bottoms[0]
    orders = _ORDERS.get(0 if bottom is None else len(bottom), {})
    axes = (0,) if bottom is not None and len(bottom) == 1 else orders.get(layer.get_int(0))
    return None if bottom is None or axes is None else tuple(bottom[axis] for axis in axes)


def check_permute(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """An order that blobs of so many axes lack: ncnn then makes no output."""
    bottom, order = bottoms[0], layer.get_int(0)
    count = _ORDER_COUNTS.get(0 if bottom is None else len(bottom))
    if bottom is not None and count is not None and not 0 <= order < count:
        yield f"has order {order}, and {layer.bottoms[0]!r} has {len(bottom)} axes ({words(bottom)}): 0 to {count - 1}"


_ORDERS_OF_THREE: dict[int, tuple[int, ...]] = {
    0: (0, 1, 2),
    1: (0, 2, 1),
    2: (1, 0, 2),
    3: (1, 2, 0),
    4: (2, 0, 1),
    5: (2, 1, 0),
}
"""Order type of a Permute to the axes of (channels, height, width) that its output has."""
_ORDERS: dict[int, dict[int, tuple[int, ...]]] = {
    2: {0: (0, 1), 1: (1, 0)},
    3: _ORDERS_OF_THREE,
    4: {0: (0, 1, 2, 3)},
}
_ORDER_COUNTS = {2: 2, 3: 6, 4: 24}


def expand_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of an ExpandDims: sizes of 1 at the axes that its output has there."""
    bottom, axes = bottoms[0], axes_of(layer, 3)
    if bottom is None:
        return None
    count = len(bottom) + len(axes)
    places = {axis + count if axis < 0 else axis for axis in axes}
    if len(places) != len(axes) or not places <= set(range(min(count, MOST_AXES))):
        return None
    rest = iter(bottom)
    return tuple(1 if place in places else next(rest) for place in range(count))


def check_expand(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """More axes than ncnn has, or one beside them."""
    bottom, axes = bottoms[0], axes_of(layer, 3)
    if bottom is None:
        return
    count = len(bottom) + len(axes)
    if count > MOST_AXES:
        yield f"makes a blob of {count} axes of {layer.bottoms[0]!r} ({words(bottom)}), ncnn has {MOST_AXES}"
    for axis in axes:
        if not -count <= axis < count:
            yield f"adds axis {axis} to {layer.bottoms[0]!r} ({words(bottom)}), and its output has {count}"


def squeeze_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Squeeze: the axes it names go where their size is 1."""
    bottom = bottoms[0]
    if bottom is None:
        return None
    if axes_of(layer, 3):
        named = {own_axis(axis, bottom) for axis in axes_of(layer, 3)}
    else:
        wanted = {place for place, key in enumerate(_KEYS) if layer.get_int(key)}
        named = {axis for axis, place in enumerate(_PLACES[len(bottom)]) if place in wanted}
    if any(bottom[axis] is None for axis in named if 0 <= axis < len(bottom)):
        return None
    return tuple(size for axis, size in enumerate(bottom) if axis not in named or size != 1) or (1,)


def check_squeeze(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """An axis that the blob lacks."""
    bottom = bottoms[0]
    for axis in () if bottom is None else axes_of(layer, 3):
        if bottom is not None and not 0 <= own_axis(axis, bottom) < len(bottom):
            yield beside(axis, layer, bottom)


def tile_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Tile, which repeats one axis or each by a number of its own."""
    bottom, repeats = bottoms[0], axes_of(layer, 2)
    if bottom is None or len(repeats) > MOST_AXES:
        return None
    if not repeats:
        axis = 0 if len(bottom) == 1 else layer.get_int(0)
        return tuple(_times(size, layer.get_int(1, 1) if at == axis else 1) for at, size in enumerate(bottom))
    axes = max(len(bottom), len(repeats))
    places = _PLACES[4] if len(bottom) == 4 else _PLACES[len(repeats)]
    times = dict(zip(places[-len(repeats) :], repeats, strict=True))
    own = extents(bottom)
    return tuple(_times(own[place], times.get(place, 1)) for place in _PLACES[axes])


def _times(size: Size, factor: int) -> Size:
    return None if size is None else size * factor


def check_tile(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """An axis that the blob lacks; ncnn counts none from the end."""
    bottom: Shape | None = bottoms[0]
    axis, repeats = layer.get_int(0), axes_of(layer, 2)
    if min((layer.get_int(1, 1), *repeats)) < 1:
        yield f"repeats {min((layer.get_int(1, 1), *repeats))} times"
    elif bottom is not None and not repeats and len(bottom) > 1 and not 0 <= axis < len(bottom):
        yield beside(axis, layer, bottom)
