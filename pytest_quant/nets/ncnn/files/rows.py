"""Layers that move a kernel along rows: convolutions and poolings of one dimension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Size, extents, words
from pytest_quant.nets.ncnn.files.given_weights import check_given_bias, with_weights
from pytest_quant.nets.ncnn.files.param import Layer
from pytest_quant.nets.ncnn.files.windows import (
    SAME,
    Window,
    added_below_zero,
    other_channels,
    pooled,
    spread,
    too_large,
)


def convolution_1d_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Convolution1D or a ConvolutionDepthWise1D."""
    bottom, whole = bottoms[0], with_weights(layer, bottoms)
    if whole is None or bottom is None or len(bottom) != 2:
        return None
    return whole.get_int(0), _over_row(whole, bottom[1]).outputs


def _over_row(layer: Layer, size: Size) -> Window:
    pad, extent = layer.get_int(4), layer.get_int(2, 1) * (layer.get_int(1) - 1) + 1
    return Window("width", size, extent, layer.get_int(3, 1), (pad, layer.get_int(15, pad)))


def check_convolution_1d(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Rows and length of what a 1-D convolution, or its reverse, is given."""
    bottom, whole = bottoms[0], with_weights(layer, bottoms)
    if whole is None or bottom is None:
        return
    if len(bottom) > 2:
        yield f"reads a blob of {len(bottom)} axes ({words(bottom)}), it takes width and channels"
    elif len(bottom) == 2:
        group = layer.get_int(7, 1) if "DepthWise" in layer.type else 1
        wanted = whole.get_int(6) // (whole.get_int(0) * whole.get_int(1)) * group
        if layer.type.startswith("Deconvolution"):
            yield from added_below_zero(layer, (18,))
        else:
            yield from too_large(layer, [_over_row(whole, bottom[1])])
        yield from other_channels(layer, bottom, bottom[0], wanted)
    yield from check_given_bias(layer, whole, bottoms)


def deconvolution_1d_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Deconvolution1D or a DeconvolutionDepthWise1D."""
    bottom, whole = bottoms[0], with_weights(layer, bottoms)
    if whole is None or bottom is None or len(bottom) != 2:
        return None
    pad = layer.get_int(4)
    paddings = (pad, layer.get_int(15, pad))
    if layer.get_int(20) or any(padding in SAME for padding in paddings):
        return whole.get_int(0), None
    kernel, dilation, stride = whole.get_int(1), layer.get_int(2, 1), layer.get_int(3, 1)
    return whole.get_int(0), spread(bottom[1], kernel, dilation, stride, layer.get_int(18) - sum(paddings))


def pooling_1d_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Pooling1D."""
    bottom = bottoms[0]
    if bottom is None or len(bottom) > 2:
        return None
    rows = extents(bottom)[2]
    if layer.get_int(4):
        return (rows,)
    return rows, layer.get_int(8) if layer.get_int(7) else pooled(_of_pooling(layer, bottom[-1]), layer.get_int(5))


def _of_pooling(layer: Layer, size: Size) -> Window:
    pad = layer.get_int(3)
    return Window("width", size, layer.get_int(1), layer.get_int(2, 1), (pad, layer.get_int(14, pad)))


def check_pooling_1d(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """A kernel that does not fit; one that ncnn pads until it does is left alone."""
    bottom = bottoms[0]
    is_cut = layer.get_int(5) == 1 and not layer.get_int(4) and not layer.get_int(7)
    if is_cut and bottom is not None and len(bottom) < 3:
        yield from too_large(layer, [_of_pooling(layer, bottom[-1])])
