"""Interp, which gives an image another size: two numbers, two factors, an expression, or the size of a second input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ctypes import c_float

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Size, extents, values
from pytest_quant.nets.ncnn.files.expressions import list_expression
from pytest_quant.nets.ncnn.files.param import Layer

_EXPRESSION = 9
_KINDS = {1: "nearest", 2: "bilinear", 3: "bicubic"}


def interp_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of an Interp: of a blob of one axis each value becomes a channel, of one of two the rows are stretched."""
    bottom = bottoms[0]
    if bottom is None or len(bottom) > 3:
        return None
    height, width = _image_size(layer, bottoms)
    if len(bottom) == 2:
        return bottom[0], width
    return bottom[0], height, width


def check_interp(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """An expression that gives no size, and a kind that ncnn lacks: it then leaves its output as memory was."""
    sizes, bottom = list_expression(layer, _EXPRESSION, bottoms), bottoms[0]
    if sizes is not None and len(sizes) > 2:
        yield f"has an expression (parameter {_EXPRESSION}) of {len(sizes)} sizes: width and height are expected"
    shape, has_rows = interp_shape(layer, bottoms), bottom is not None and len(bottom) in (2, 3)
    before, after = values(bottom), values(shape)
    if layer.get_int(0) not in _KINDS and has_rows and None not in (before, after) and shape != bottom:
        kinds = ", ".join(f"{key} {name}" for key, name in _KINDS.items())
        yield f"has kind {layer.get_int(0)} (parameter 0), and ncnn knows {kinds}"


def _image_size(layer: Layer, bottoms: Sequence[MaybeShape]) -> tuple[Size, Size]:
    """Height and width."""
    sizes = list_expression(layer, _EXPRESSION, bottoms)
    _, _, own_height, own_width = extents(bottoms[0])
    if sizes is not None:
        return own_height if len(sizes) == 1 else sizes[1], sizes[0]
    if layer.get_int(5) == 1 and len(bottoms) > 1:
        return extents(bottoms[1])[2:]
    given = layer.get_int(3), layer.get_int(4)
    if all(given):
        return given
    if len(bottoms[0] or ()) == 1:
        own_height = own_width = 1
    return _scaled(own_height, layer.params.get(1, 1)), _scaled(own_width, layer.params.get(2, 1))


def _scaled(size: Size, factor: object) -> Size:
    """As ncnn multiplies: in 32 bits."""
    if size is None or not isinstance(factor, (int, float)):
        return None
    return int(c_float(size * c_float(factor).value).value)
