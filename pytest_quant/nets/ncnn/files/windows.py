"""Layers that move a kernel over an image: convolutions and poolings.

ncnn divides what a kernel that is too large leaves over by the stride, rounding towards zero: it may still find a place
for the kernel, and read what lies beside the blob.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_quant.nets.ncnn.files.arrays import int8_term
from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Size, words
from pytest_quant.nets.ncnn.files.given_weights import check_given_bias, with_weights
from pytest_quant.nets.ncnn.files.param import Layer

SAME = (-233, -234)
"""Paddings that stand for "so that the size is divided by the stride"."""


class Window(NamedTuple):
    """How a kernel moves along one axis."""

    axis: str
    size: Size
    extent: int
    """Places that the kernel covers."""
    stride: int
    paddings: tuple[int, int]

    @property
    def is_same(self) -> bool:
        """Whether ncnn pads as the stride asks for."""
        return self.paddings[0] in SAME or self.paddings[1] in SAME

    @property
    def room(self) -> Size:
        """How far it can move; below 0 where it does not fit."""
        before, after = self.paddings
        return None if self.size is None else self.size + before + after - self.extent

    @property
    def outputs(self) -> Size:
        """How often it fits."""
        if self.size is None or self.stride < 1:
            return None
        if self.is_same:
            return -(-self.size // self.stride)
        room = self.room
        return None if room is None or room < 0 else room // self.stride + 1

    @property
    def outputs_padded(self) -> Size:
        """How often it fits where ncnn first pads the end until nothing is left over."""
        if self.room is None or self.stride < 1:
            return None
        left_over = abs(self.room) % self.stride * (1 if self.room >= 0 else -1)
        room = self.room + (self.stride - left_over if left_over else 0)
        return int(room / self.stride) + 1


def kernel_and_channels(layer: Layer) -> tuple[int, int, int]:
    """Width and height of the kernel of a 2-D convolution, and the input channels that its weights are for."""
    width = layer.get_int(1)
    height = layer.get_int(11, width)
    group = layer.get_int(7, 1) if "DepthWise" in layer.type else 1
    return width, height, layer.get_int(6) // (layer.get_int(0) * width * height) * group


def convolution_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Convolution or a ConvolutionDepthWise."""
    bottom, whole = bottoms[0], with_weights(layer, bottoms)
    if whole is None:
        return None
    width, height, _ = kernel_and_channels(whole)
    if bottom is None or len(bottom) == 1:
        if width > 1 or height > 1:
            return whole.get_int(0), None, None
        is_product = layer.type == "Convolution" and not any(layer.get_int(key) for key in (4, 14, 15, 16))
        return (whole.get_int(0),) if bottom is not None and is_product and len(bottoms) == 1 else None
    if len(bottom) != 3:
        return None
    across, down = over_image(whole, bottom)
    return whole.get_int(0), down.outputs, across.outputs


def over_image(layer: Layer, bottom: Sequence[Size]) -> tuple[Window, Window]:
    """How a kernel moves along the width and the height of (channels, height, width)."""
    dilation, stride, pad = layer.get_int(2, 1), layer.get_int(3, 1), layer.get_int(4)
    width = layer.get_int(1)
    height = layer.get_int(11, width)
    across = Window("width", bottom[2], dilation * (width - 1) + 1, stride, (pad, layer.get_int(15, pad)))
    top = layer.get_int(14, pad)
    extent = layer.get_int(12, dilation) * (height - 1) + 1
    return across, Window("height", bottom[1], extent, layer.get_int(13, stride), (top, layer.get_int(16, top)))


def check_convolution(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Channels and size of what a 2-D convolution, or its reverse, is given."""
    is_reverse, whole = layer.type.startswith("Deconvolution"), with_weights(layer, bottoms)
    if whole is None:
        return
    if is_reverse:
        yield from added_below_zero(layer, (18, 19))
    width, height, wanted = kernel_and_channels(whole)
    bottom = bottoms[0]
    found: Size
    if bottom is None or (len(bottom) == 1 and width == height == 1):
        found = None if bottom is None else bottom[0]
        if bottom is not None and layer.type == "Convolution" and int8_term(layer):
            yield (
                f"computes with int8, and {layer.bottoms[0]!r} ({words(bottom)}) has one axis, which ncnn then takes "
                "for the width of a single channel: an InnerProduct of the same weights is right"
            )
    elif len(bottom) != 3:
        yield f"reads a blob of {len(bottom)} axes ({words(bottom)}), it takes width, height and channels"
        return
    else:
        found = bottom[0]
        if not is_reverse:
            yield from too_large(layer, over_image(whole, bottom))
    yield from other_channels(layer, bottom, found, wanted)
    yield from check_given_bias(layer, whole, bottoms)


def other_channels(layer: Layer, bottom: MaybeShape, found: Size, wanted: int) -> Iterator[str]:
    """Another number of channels than there are weights for, or one that the groups do not divide."""
    if found is not None and found != wanted:
        yield f"has weights for {wanted} channels, and reads {found} from {layer.bottoms[0]!r} ({words(bottom)})"
    group = layer.get_int(7, 1) if "DepthWise" in layer.type else 1
    if found is not None and found % group:
        yield f"has {group} groups, and reads {found} channels from {layer.bottoms[0]!r}, which they do not divide"


def too_large(layer: Layer, windows: Sequence[Window]) -> Iterator[str]:
    """Kernels that do not fit into the first input, and paddings below 0."""
    for window in windows:
        room = window.room
        if min(window.paddings) < 0 and (
            wrong := [padding for padding in window.paddings if padding < 0 and padding not in SAME]
        ):
            yield f"pads the {window.axis} by {wrong[0]}"
        elif room is not None and room < 0 and not window.is_same:
            yield (
                f"has a kernel that covers {window.extent} places, and the {window.axis} of {layer.bottoms[0]!r} has "
                f"{room + window.extent} with its padding"
            )


def added_below_zero(layer: Layer, keys: Sequence[int]) -> Iterator[str]:
    """Values that the reverse of a convolution adds at the end: fewer than none, and ncnn writes behind its output."""
    yield from (f"adds {layer.get_int(key)} at the end ({key}=)" for key in keys if layer.get_int(key) < 0)


def deconvolution_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Deconvolution or a DeconvolutionDepthWise."""
    bottom, whole = bottoms[0], with_weights(layer, bottoms)
    if whole is None:
        return None
    outputs = whole.get_int(0)
    if bottom is None or len(bottom) != 3:
        return outputs, None, None
    width, height, _ = kernel_and_channels(whole)
    dilation, stride, pad = layer.get_int(2, 1), layer.get_int(3, 1), layer.get_int(4)
    top, extra, fixed = layer.get_int(14, pad), layer.get_int(18), layer.get_int(20)
    paddings = (pad, layer.get_int(15, pad), top, layer.get_int(16, top))
    if any(padding in SAME for padding in paddings) or fixed or layer.get_int(21):
        return outputs, None, None
    across = spread(bottom[2], width, dilation, stride, extra - paddings[0] - paddings[1])
    down = spread(
        bottom[1],
        height,
        layer.get_int(12, dilation),
        layer.get_int(13, stride),
        layer.get_int(19, extra) - paddings[2] - paddings[3],
    )
    return outputs, down, across


def spread(size: Size, kernel: int, dilation: int, stride: int, more: int) -> Size:
    """The size that the reverse of a convolution makes of one."""
    return None if size is None else (size - 1) * stride + dilation * (kernel - 1) + 1 + more


def pooling_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Pooling."""
    bottom = bottoms[0]
    if bottom is None or len(bottom) != 3:
        return None
    if layer.get_int(4):
        return (bottom[0],)
    if layer.get_int(7):
        width = layer.get_int(8)
        height = layer.get_int(18, width)
        return bottom[0], bottom[1] if height == -233 else height, bottom[2] if width == -233 else width
    across, down = (pooled(window, layer.get_int(5)) for window in _of_pooling(layer, bottom))
    return bottom[0], down, across


def _of_pooling(layer: Layer, bottom: Sequence[Size]) -> tuple[Window, Window]:
    width, stride, pad = layer.get_int(1), layer.get_int(2, 1), layer.get_int(3)
    height, top = layer.get_int(11, width), layer.get_int(13, pad)
    across = Window("width", bottom[2], width, stride, (pad, layer.get_int(14, pad)))
    paddings = (top, layer.get_int(15, top))
    return across, Window("height", bottom[1], height, layer.get_int(12, stride), paddings)


def pooled(window: Window, mode: int) -> Size:
    """How many outputs a pooling has; mode 0 rounds up, 1 down, 2 and 3 pad so that the stride divides the size."""
    if mode == 0:
        return window.outputs_padded
    if mode == 1:
        return window.outputs
    if mode not in (2, 3) or window.size is None or window.stride < 1:
        return None
    return -(-window.size // window.stride)


def check_pooling(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """A kernel that does not fit; one that ncnn pads until it does is left alone."""
    bottom = bottoms[0]
    is_cut = layer.get_int(5) == 1 and not layer.get_int(4) and not layer.get_int(7)
    if is_cut and bottom is not None and len(bottom) == 3:
        yield from too_large(layer, _of_pooling(layer, bottom))
