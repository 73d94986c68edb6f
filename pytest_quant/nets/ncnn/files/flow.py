"""Whether what layers pass on to each other fits: number of channels, sizes, and memory.

ncnn does not look: a layer whose weights are for other channels than it is given reads what lies behind them in memory,
and the net answers. Only what is known for certain is held against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.nets.ncnn.files.regions import check_copy, check_crop, crop_shape
from pytest_quant.nets.ncnn.files.shapes import (
    MaybeShape,
    Shape,
    kernel_and_channels,
    output_shapes,
    slice_axis,
    values,
)

MOST_BYTES = 4 << 30
"""Of one blob: far more than any net of an embedded runtime has."""

Check = Callable[[Layer, Sequence[MaybeShape]], Iterator[str]]
"""Gives in words what does not fit."""


def check_flow(param: Param, inputs: Mapping[str, MaybeShape]) -> None:
    """Follow shapes through a net; raises `ModelFileError` at the first layer that is given what it cannot take.

    ``inputs``: input blob to its shape, as far as it is known.
    """
    shapes: dict[str, MaybeShape] = {}
    for layer in param.layers:
        if layer.type == "Input":
            shapes |= {top: inputs.get(top) for top in layer.tops}
            continue
        bottoms = [shapes.get(bottom) for bottom in layer.bottoms]
        try:
            for fault in _faults(layer, bottoms):
                raise param.error(layer, fault)
            tops = [crop_shape(layer, bottoms)] if layer.type == "Crop" else output_shapes(layer, bottoms)
        except ValueError as error:
            raise param.error(layer, str(error)) from None
        for top, shape in zip(layer.tops, tops, strict=True):
            size = values(shape)
            if size is not None and 4 * size > MOST_BYTES:
                raise param.error(
                    layer,
                    f"its output {top!r} would be {_words(shape)}, {4 * size / (1 << 30):.0f} GiB; a blob may have "
                    f"{MOST_BYTES >> 30} GiB",
                )
            shapes[top] = shape


def _faults(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    check = _CHECKS.get(layer.type)
    if check is not None and bottoms:
        yield from check(layer, bottoms)


def _words(shape: MaybeShape) -> str:
    """Width first, as ncnn has it.

    >>> _words((3, None, 8))
    '8x?x3'
    """
    sizes = () if shape is None else shape[::-1]
    return "x".join("?" if size is None else str(size) for size in sizes)


def _channels(shape: MaybeShape) -> int | None:
    return None if shape is None else shape[0]


def _convolution(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    if layer.get_int(28 if layer.type.startswith("Deconvolution") else 19):
        return
    width, height, wanted = kernel_and_channels(layer)
    bottom = bottoms[0]
    if bottom is None or (len(bottom) == 1 and width == height == 1):
        found = values(bottom)
    elif len(bottom) != 3:
        yield f"reads a blob of {len(bottom)} axes ({_words(bottom)}), it takes width, height and channels"
        return
    else:
        found = bottom[0]
    if found is not None and found != wanted:
        yield f"has weights for {wanted} channels, and reads {found} from {layer.bottoms[0]!r} ({_words(bottom)})"
    group = layer.get_int(7, 1) if "DepthWise" in layer.type else 1
    if found is not None and found % group:
        yield f"has {group} groups, and reads {found} channels from {layer.bottoms[0]!r}, which they do not divide"


def _per_channel(key: int, *, switch: int | None = None, shared: bool = False) -> Check:
    """A layer with one value per channel, as many as parameter ``key`` says.

    ``switch``: the parameter that turns them off; ``shared``: one value may serve all channels.
    """

    def check(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
        count, found = layer.get_int(key), _channels(bottoms[0])
        if count < 1 or (switch is not None and not layer.get_int(switch, 1)) or (shared and count == 1):
            return
        if found is not None and found != count:
            yield f"has values for {count} channels, and reads {found} from {layer.bottoms[0]!r} ({_words(bottoms[0])})"

    return check


def _group_norm(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    yield from _per_channel(1)(layer, bottoms)
    group, found = layer.get_int(0, 1), _channels(bottoms[0])
    if found is not None and (group < 1 or found % group):
        yield f"has {group} groups, and reads {found} channels, which they do not divide"


def _inner_product(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    bottom, wanted = bottoms[0], layer.get_int(2) // layer.get_int(0)
    found = values(bottom)
    is_by_rows = bottom is not None and len(bottom) == 2 and bottom[1] == wanted
    if found is not None and found != wanted and not is_by_rows:
        yield (
            f"has weights for {wanted} values, and reads {found} from {layer.bottoms[0]!r} ({_words(bottom)}): is that "
            "the size the net was made for?"
        )


def _slice(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    bottom, sizes = bottoms[0], layer.params.get(0, ())
    if bottom is None or not isinstance(sizes, tuple):
        return
    axis = slice_axis(layer, bottom, 1)
    if not 0 <= axis < len(bottom):
        yield f"cuts along axis {layer.get_int(1)}, and {layer.bottoms[0]!r} has {len(bottom)} axes ({_words(bottom)})"
        return
    found, wanted = bottom[axis], sum(int(size) for size in sizes if size != -233)
    if 2 not in layer.params and found is not None and wanted > found:
        yield f"cuts {wanted} of the {found} that {layer.bottoms[0]!r} has along axis {axis} ({_words(bottom)})"


def _concat(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    known = [shape for shape in bottoms if shape is not None]
    if len({len(shape) for shape in known}) > 1:
        yield f"joins blobs of different numbers of axes: {_listed(known)}"
        return
    if not known:
        return
    axis = slice_axis(layer, known[0], 0)
    if not 0 <= axis < len(known[0]):
        yield f"joins along axis {layer.get_int(0)}, and its blobs have {len(known[0])} axes ({_words(known[0])})"
        return
    others = [(*shape[:axis], *shape[axis + 1 :]) for shape in known]
    if any(_differs(sizes) for sizes in zip(*others, strict=True)):
        yield f"joins blobs that do not fit together along axis {axis}: {_listed(known)}"


def _eltwise(_layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    known = [shape for shape in bottoms if shape is not None]
    if len({len(shape) for shape in known}) > 1 or any(_differs(sizes) for sizes in zip(*known, strict=False)):
        yield f"takes blobs of one shape, and reads {_listed(known)}"


def _binary(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    if layer.get_int(1) or len(bottoms) < 2:
        return
    one, two = bottoms[0], bottoms[1]
    if one is None or two is None or len(one) != len(two):
        return
    pairs = zip(one, two, strict=True)
    if any(_differs((a, b)) and 1 not in (a, b) for a, b in pairs):
        yield f"takes blobs of one shape, or with sizes of 1, and reads {_listed([one, two])}"


def _reshape(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    (shape,) = output_shapes(layer, bottoms) if len(layer.tops) == 1 else (None,)
    before, after = values(bottoms[0]), values(shape)
    if before is not None and after is not None and before != after:
        yield f"makes {after} values ({_words(shape)}) of the {before} that it reads ({_words(bottoms[0])})"


def _normalize(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    if not layer.get_int(0) and not layer.get_int(4, 1):
        yield "normalizes across neither places (parameter 0) nor channels (parameter 4)"


def _differs(sizes: Sequence[int | None]) -> bool:
    return len({size for size in sizes if size is not None}) > 1


def _listed(shapes: Sequence[Shape]) -> str:
    return " and ".join(map(_words, shapes[:4])) + (" and more" if len(shapes) > 4 else "")


_CHECKS: dict[str, Check] = {
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise"), _convolution),
    **dict.fromkeys(("Deconvolution", "DeconvolutionDepthWise"), _convolution),
    **dict.fromkeys(("BatchNorm", "Bias", "Scale"), _per_channel(0)),
    "PReLU": _per_channel(0, shared=True),
    "InstanceNorm": _per_channel(0, switch=2),
    "GroupNorm": _group_norm,
    "InnerProduct": _inner_product,
    "Slice": _slice,
    "Concat": _concat,
    "CopyTo": check_copy,
    "Crop": check_crop,
    "Eltwise": _eltwise,
    "BinaryOp": _binary,
    "Normalize": _normalize,
    "Reshape": _reshape,
}
