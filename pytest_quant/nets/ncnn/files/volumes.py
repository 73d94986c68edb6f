"""Layers that move a kernel through a volume: convolutions and poolings of three dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_quant.nets.ncnn.files.arrays import kernel_size
from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Size, extents
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


class _Keys(NamedTuple):
    """The parameters of one axis; where one is absent, the width's counts, and the padding in front for both."""

    axis: str
    kernel: int
    dilation: int
    stride: int
    before: int
    after: int


_CONVOLUTION = (
    _Keys("depth", 21, 22, 23, 24, 17),
    _Keys("height", 11, 12, 13, 14, 16),
    _Keys("width", 1, 2, 3, 4, 15),
)
_NONE = -1
_POOLING = (
    _Keys("depth", 21, _NONE, 22, 23, 16),
    _Keys("height", 11, _NONE, 12, 13, 15),
    _Keys("width", 1, _NONE, 2, 3, 14),
)


def _windows(layer: Layer, keys: Sequence[_Keys], sizes: Sequence[Size]) -> list[Window]:
    """How a kernel moves along depth, height and width."""
    width, found = keys[-1], []
    for own, size in zip(keys, sizes, strict=True):
        kernel, dilation, stride = (
            layer.get_int(key, layer.get_int(others, default))
            for key, others, default in (
                (own.kernel, width.kernel, 0),
                (own.dilation, width.dilation, 1),
                (own.stride, width.stride, 1),
            )
        )
        before = layer.get_int(own.before, layer.get_int(width.before))
        paddings = (before, layer.get_int(own.after, before))
        found.append(Window(own.axis, size, dilation * (kernel - 1) + 1, stride, paddings))
    return found


def _over_volume(layer: Layer, bottom: MaybeShape) -> list[Window] | None:
    """None: ncnn pads the channels of a blob of fewer axes, and not its depth."""
    windows = _windows(layer, _CONVOLUTION, extents(bottom)[1:])
    is_padded = any(window.paddings != (0, 0) for window in windows)
    return None if bottom is None or (len(bottom) != 4 and is_padded) else windows


def convolution_3d_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Convolution3D or a ConvolutionDepthWise3D."""
    windows = _over_volume(layer, bottoms[0])
    return None if windows is None else (layer.get_int(0), *(window.outputs for window in windows))


def check_convolution_3d(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Channels and size of what a 3-D convolution, or its reverse, is given."""
    bottom = bottoms[0]
    windows = None if layer.type.startswith("Deconvolution") else _over_volume(layer, bottom)
    group = layer.get_int(7, 1) if "DepthWise" in layer.type else 1
    wanted = layer.get_int(6) // (layer.get_int(0) * kernel_size(layer)) * group
    yield from too_large(layer, windows or ())
    if layer.type.startswith("Deconvolution"):
        yield from added_below_zero(layer, (18, 19, 20))
    yield from other_channels(layer, bottom, extents(bottom)[0], wanted)


def deconvolution_3d_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Deconvolution3D or a DeconvolutionDepthWise3D."""
    outputs, extra = layer.get_int(0), layer.get_int(18)
    windows = _windows(layer, _CONVOLUTION, extents(bottoms[0])[1:])
    is_same = any(padding in SAME for window in windows for padding in window.paddings)
    if is_same or any(layer.get_int(key) for key in (25, 26, 27)):
        return outputs, None, None, None
    more = (layer.get_int(20, extra), layer.get_int(19, extra), extra)
    return outputs, *(
        spread(window.size, window.extent, 1, window.stride, added - sum(window.paddings))
        for window, added in zip(windows, more, strict=True)
    )


def pooling_3d_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Pooling3D."""
    bottom = bottoms[0]
    if bottom is None or len(bottom) != 4:
        return None
    if layer.get_int(4):
        return (bottom[0],)
    if layer.get_int(7):
        width = layer.get_int(8)
        asked = (layer.get_int(28, width), layer.get_int(18, width), width)
        return bottom[0], *(own if size == -233 else size for own, size in zip(bottom[1:], asked, strict=True))
    return bottom[0], *(pooled(window, layer.get_int(5)) for window in _windows(layer, _POOLING, bottom[1:]))


def check_pooling_3d(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """A kernel that does not fit; one that ncnn pads until it does is left alone."""
    bottom = bottoms[0]
    is_cut = layer.get_int(5) == 1 and not layer.get_int(4) and not layer.get_int(7)
    if is_cut and bottom is not None and len(bottom) == 4:
        yield from too_large(layer, _windows(layer, _POOLING, bottom[1:]))
