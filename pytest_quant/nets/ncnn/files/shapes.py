"""What is known of the shapes of blobs, and how layers change them.

A shape is as NumPy has it: (channels, height, width), (rows, values) or (values,), with None for a size that is not
known; where the number of axes is not known either, the shape as a whole is None. A rule that is not sure says None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from pytest_quant.nets.ncnn.files.param import Layer

Size = int | None
Shape = tuple[Size, ...]
MaybeShape = Shape | None

_SAME = (-233, -234)
"""Paddings that stand for "so that the size is divided by the stride"."""


def output_shapes(layer: Layer, bottoms: Sequence[MaybeShape]) -> list[MaybeShape]:
    """The shapes of a layer's outputs, as far as they follow from those of its inputs."""
    if layer.type in _COPYING:
        return [bottoms[0]] * len(layer.tops)
    if layer.type == "Noop":
        return list(bottoms[: len(layer.tops)])
    if layer.type == "Slice":
        return slice_shapes(layer, bottoms[0])
    rule = _RULES.get(layer.type)
    if rule is None or not layer.tops:
        return [None] * len(layer.tops)
    return [rule(layer, bottoms), *[None] * (len(layer.tops) - 1)]


def is_known(shape: MaybeShape) -> bool:
    """Whether every size is."""
    return shape is not None and None not in shape


def values(shape: MaybeShape) -> Size:
    """How many values a blob holds, where it is known."""
    return None if shape is None or None in shape else prod(size for size in shape if size is not None)


def kernel_and_channels(layer: Layer) -> tuple[int, int, int]:
    """Width and height of the kernel of a 2-D convolution, and the input channels that its weights are for."""
    width = layer.get_int(1)
    height = layer.get_int(11, width)
    group = layer.get_int(7, 1) if "DepthWise" in layer.type else 1
    return width, height, layer.get_int(6) // (layer.get_int(0) * width * height) * group


def slice_axis(layer: Layer, bottom: Shape, key: int) -> int:
    """The axis that a layer works along, as an index into the shape; may lie outside."""
    axis = layer.get_int(key)
    return axis + len(bottom) if axis < 0 else axis


def slice_shapes(layer: Layer, bottom: MaybeShape) -> list[MaybeShape]:
    """Of the parts that a Slice makes."""
    count, sizes = len(layer.tops), layer.params.get(0, ())
    unknown: list[MaybeShape] = [None] * count
    if bottom is None or not isinstance(sizes, tuple) or len(sizes) != count or 2 in layer.params:
        return unknown
    axis = slice_axis(layer, bottom, 1)
    if not 0 <= axis < len(bottom):
        return unknown
    left, parts = bottom[axis], []
    for place, given in enumerate(sizes):
        own: Size = int(given)
        if own == -233:
            own = None if left is None else left // (count - place)
        left = None if left is None or own is None else left - own
        parts.append((*bottom[:axis], own, *bottom[axis + 1 :]))
    return list(parts)


def _same(_layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    return bottoms[0]


def _convolution(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    bottom, outputs = bottoms[0], layer.get_int(0)
    if layer.get_int(19):
        return None
    width, height, _ = kernel_and_channels(layer)
    if bottom is None or len(bottom) == 1:
        return None if width == height == 1 else (outputs, None, None)
    if len(bottom) != 3:
        return None
    dilation, stride, pad = layer.get_int(2, 1), layer.get_int(3, 1), layer.get_int(4)
    top = layer.get_int(14, pad)
    across = _window(bottom[2], width, dilation, stride, pad, layer.get_int(15, pad))
    down = _window(
        bottom[1], height, layer.get_int(12, dilation), layer.get_int(13, stride), top, layer.get_int(16, top)
    )
    return outputs, down, across


def _window(size: Size, kernel: int, dilation: int, stride: int, before: int, after: int) -> Size:
    """How often a window fits along an axis; None also where it does not fit at all."""
    if size is None or stride < 1:
        return None
    if before in _SAME or after in _SAME:
        return -(-size // stride)
    room = size + before + after - (dilation * (kernel - 1) + 1)
    return room // stride + 1 if room >= 0 else None


def _deconvolution(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    bottom, outputs = bottoms[0], layer.get_int(0)
    if layer.get_int(28) or bottom is None or len(bottom) != 3:
        return None if layer.get_int(28) else (outputs, None, None)
    width, height, _ = kernel_and_channels(layer)
    dilation, stride, pad = layer.get_int(2, 1), layer.get_int(3, 1), layer.get_int(4)
    top, extra, fixed = layer.get_int(14, pad), layer.get_int(18), layer.get_int(20)
    paddings = (pad, layer.get_int(15, pad), top, layer.get_int(16, top))
    if any(padding in _SAME for padding in paddings) or fixed or layer.get_int(21):
        return outputs, None, None
    across = _spread(bottom[2], width, dilation, stride, extra - paddings[0] - paddings[1])
    down = _spread(
        bottom[1],
        height,
        layer.get_int(12, dilation),
        layer.get_int(13, stride),
        layer.get_int(19, extra) - paddings[2] - paddings[3],
    )
    return outputs, down, across


def _spread(size: Size, kernel: int, dilation: int, stride: int, more: int) -> Size:
    return None if size is None else (size - 1) * stride + dilation * (kernel - 1) + 1 + more


def _pooling(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    bottom = bottoms[0]
    if bottom is None or len(bottom) != 3:
        return None
    if layer.get_int(4):
        return (bottom[0],)
    if layer.get_int(7):
        width = layer.get_int(8)
        height = layer.get_int(18, width)
        return bottom[0], bottom[1] if height == -233 else height, bottom[2] if width == -233 else width
    width, stride, pad = layer.get_int(1), layer.get_int(2, 1), layer.get_int(3)
    height, top = layer.get_int(11, width), layer.get_int(13, pad)
    mode = layer.get_int(5)
    across = _pooled(bottom[2], width, stride, pad + layer.get_int(14, pad), mode)
    down = _pooled(bottom[1], height, layer.get_int(12, stride), top + layer.get_int(15, top), mode)
    return bottom[0], down, across


def _pooled(size: Size, kernel: int, stride: int, padding: int, mode: int) -> Size:
    """Mode 0 rounds up, 1 down, 2 and 3 pad so that the size is divided by the stride."""
    if size is None or stride < 1 or mode not in (0, 1, 2, 3):
        return None
    if mode in (2, 3):
        return -(-size // stride)
    room = size + padding - kernel
    if room < 0:
        return None
    return (-(-room // stride) if mode == 0 else room // stride) + 1


def _inner_product(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    bottom, outputs = bottoms[0], layer.get_int(0)
    if bottom is None:
        return None
    if len(bottom) == 2:  # by rows, unless there is one row's worth of weights for all
        return (bottom[0], outputs) if bottom[1] == layer.get_int(2) // outputs else None
    return (outputs,)


def _flatten(_layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    return (values(bottoms[0]),)


def _interp(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    bottom = bottoms[0]
    if bottom is None or len(bottom) != 3 or len(bottoms) > 1 or 9 in layer.params:
        return None if bottom is None or len(bottom) != 3 else (bottom[0], None, None)
    height, width = layer.get_int(3), layer.get_int(4)
    if height and width:
        return bottom[0], height, width
    return bottom[0], _scaled(bottom[1], layer.params.get(1, 1)), _scaled(bottom[2], layer.params.get(2, 1))


def _scaled(size: Size, factor: object) -> Size:
    return int(size * factor) if size is not None and isinstance(factor, (int, float)) else None


def _padding(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    bottom = bottoms[0]
    top, bottom_rows, left, right = (layer.get_int(key) for key in range(4))
    if bottom is None or len(bottom) != 3 or any(pad in _SAME for pad in (top, bottom_rows, left, right)):
        return None
    return (
        _plus(bottom[0], layer.get_int(7) + layer.get_int(8)),
        _plus(bottom[1], top + bottom_rows),
        _plus(bottom[2], left + right),
    )


def _plus(size: Size, more: int) -> Size:
    return None if size is None else size + more


def _concat(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    known = [bottom for bottom in bottoms if bottom is not None]
    if len(known) < len(bottoms) or len({len(shape) for shape in known}) != 1:
        return None
    axis = slice_axis(layer, known[0], 0)
    if not 0 <= axis < len(known[0]):
        return None
    along = [shape[axis] for shape in known]
    joined = None if None in along else sum(size for size in along if size is not None)
    merged = [next((size for size in sizes if size is not None), None) for sizes in zip(*known, strict=True)]
    return (*merged[:axis], joined, *merged[axis + 1 :])


def _eltwise(_layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    return next((shape for shape in bottoms if shape is not None), None)


def _binary(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    if layer.get_int(1):
        return bottoms[0]
    one, two = bottoms[:2]
    if one is None or two is None or len(one) != len(two):
        return None
    return tuple(None if a is None or b is None else max(a, b) for a, b in zip(one, two, strict=True))


def _reshape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    sizes = [layer.get_int(key, -233) for key in (0, 1, 11, 2)]
    if 6 in layer.params or 12 in layer.params or 13 in layer.params or sizes[2] != -233:
        return None
    written = [size for size in (sizes[0], sizes[1], sizes[3]) if size != -233][::-1]
    bottom = bottoms[0]
    if not written or any(size < -1 for size in written):
        return None
    if 0 in written:
        if bottom is None or len(bottom) != len(written):
            return tuple(size if size > 0 else None for size in written)
        written = [bottom[at] or -2 if size == 0 else size for at, size in enumerate(written)]
    if -2 in written or written.count(-1) > 1:
        return tuple(size if size > 0 else None for size in written)
    total, rest = values(bottom), prod(size for size in written if size > 0)
    inferred = total // rest if total is not None else None
    return tuple(size if size > 0 else inferred for size in written)


def _permute(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    bottom = bottoms[0]
    orders = _ORDERS.get(0 if bottom is None else len(bottom), {})
    axes = orders.get(layer.get_int(0))
    return None if bottom is None or axes is None else tuple(bottom[axis] for axis in axes)


_ORDERS_OF_THREE: dict[int, tuple[int, ...]] = {
    0: (0, 1, 2),
    1: (0, 2, 1),
    2: (1, 0, 2),
    3: (1, 2, 0),
    4: (2, 0, 1),
    5: (2, 1, 0),
}
"""Order type of a Permute to the axes of (channels, height, width) that its output has."""
_ORDERS: dict[int, dict[int, tuple[int, ...]]] = {1: {0: (0,)}, 2: {0: (0, 1), 1: (1, 0)}, 3: _ORDERS_OF_THREE}


def _reorg(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    return _blocks(bottoms[0], layer.get_int(0, 1))


def _pixel_shuffle(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    bottom, factor = bottoms[0], layer.get_int(0, 1)
    if bottom is None or len(bottom) != 3 or factor < 1:
        return None
    channels, height, width = bottom
    return (
        None if channels is None else channels // (factor * factor),
        None if height is None else height * factor,
        None if width is None else width * factor,
    )


def _blocks(bottom: MaybeShape, stride: int) -> MaybeShape:
    """Blocks of pixels become channels."""
    if bottom is None or len(bottom) != 3 or stride < 1:
        return None
    channels, height, width = bottom
    return (
        None if channels is None else channels * stride * stride,
        None if height is None else height // stride,
        None if width is None else width // stride,
    )


def _tile(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    bottom, tiles = bottoms[0], layer.get_int(1, 1)
    if bottom is None or 2 in layer.params:
        return None
    axis = slice_axis(layer, bottom, 0)
    if not 0 <= axis < len(bottom):
        return None
    size = bottom[axis]
    return (*bottom[:axis], None if size is None else size * tiles, *bottom[axis + 1 :])


def _memory_data(layer: Layer, _bottoms: Sequence[MaybeShape]) -> MaybeShape:
    if layer.get_int(11):
        return None
    return tuple(size for size in (layer.get_int(2), layer.get_int(1), layer.get_int(0)) if size > 0) or None


_COPYING = frozenset({"Split"})

_KEEPING = frozenset(
    {
        *(
            "AbsVal",
            "BNLL",
            "BatchNorm",
            "Bias",
            "CELU",
            "Cast",
            "Clip",
            "CopyTo",
            "CumulativeSum",
            "DeepCopy",
            "Dequantize",
        ),
        *("Dropout", "ELU", "Erf", "Exp", "Flip", "GELU", "GroupNorm", "HardSigmoid", "HardSwish", "InstanceNorm"),
        *("LRN", "LayerNorm", "Log", "MVN", "Mish", "Normalize", "PReLU", "Power", "Quantize", "RMSNorm", "ReLU"),
        *("Requantize", "SELU", "Scale", "Shrink", "ShuffleChannel", "Sigmoid", "Softmax", "Softplus", "Swish"),
        *("TanH", "Threshold", "UnaryOp"),
    }
)

Rule = Callable[[Layer, Sequence[MaybeShape]], MaybeShape]

_RULES: dict[str, Rule] = {
    **dict.fromkeys(_KEEPING, _same),
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise"), _convolution),
    **dict.fromkeys(("Deconvolution", "DeconvolutionDepthWise"), _deconvolution),
    "BinaryOp": _binary,
    "Concat": _concat,
    "Eltwise": _eltwise,
    "Flatten": _flatten,
    "InnerProduct": _inner_product,
    "Interp": _interp,
    "MemoryData": _memory_data,
    "Padding": _padding,
    "Permute": _permute,
    "PixelShuffle": _pixel_shuffle,
    "Pooling": _pooling,
    "Reorg": _reorg,
    "Reshape": _reshape,
    "Tile": _tile,
}
