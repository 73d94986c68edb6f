"""Whether what layers pass on to each other fits: number of channels, sizes, and memory.

ncnn does not look: a layer whose weights are for other channels than it is given reads what lies behind them in memory,
and the net answers. Only what is known for certain is held against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_quant.nets.ncnn.files.blob_shape import (
    Check,
    MaybeShape,
    Size,
    beside,
    differs,
    is_empty,
    listed,
    own_axis,
    values,
    words,
)
from pytest_quant.nets.ncnn.files.broadcasting import check_binary
from pytest_quant.nets.ncnn.files.detecting import (
    check_detection_output,
    check_prior_box,
    check_proposal,
    check_region,
    check_scored_region,
    check_yolo,
)
from pytest_quant.nets.ncnn.files.einsum import check_einsum
from pytest_quant.nets.ncnn.files.memory import MOST_BYTES_AT_ONCE, check_memory
from pytest_quant.nets.ncnn.files.padding import check_padding
from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.nets.ncnn.files.patches import check_deformable, check_fold, check_grid_sample, check_unfold
from pytest_quant.nets.ncnn.files.products import (
    check_attention,
    check_gemm,
    check_inner_product,
    check_matmul,
    check_recurrent,
    check_rotary,
    check_scaled_attention,
)
from pytest_quant.nets.ncnn.files.reducing import (
    check_arg_max,
    check_axis,
    check_flip,
    check_norm,
    check_reduction,
)
from pytest_quant.nets.ncnn.files.regions import check_copy, check_crop
from pytest_quant.nets.ncnn.files.remembered import ByParams
from pytest_quant.nets.ncnn.files.reshaping import (
    check_expand,
    check_permute,
    check_reshape,
    check_squeeze,
    check_tile,
)
from pytest_quant.nets.ncnn.files.resizing import check_interp
from pytest_quant.nets.ncnn.files.rows import check_convolution_1d, check_pooling_1d
from pytest_quant.nets.ncnn.files.shapes import output_shapes, slice_parts
from pytest_quant.nets.ncnn.files.spectra import check_inverse_spectrogram, check_spectrogram
from pytest_quant.nets.ncnn.files.volumes import check_convolution_3d, check_pooling_3d
from pytest_quant.nets.ncnn.files.windows import check_convolution, check_pooling

MOST_BYTES = 4 << 30
"""Of one blob: far more than any net of an embedded runtime has."""


def check_flow(
    param: Param,
    inputs: Mapping[str, MaybeShape],
    outputs: Sequence[str] = (),
    most_bytes: int = MOST_BYTES_AT_ONCE,
) -> None:
    """Follow shapes through a net; raises `ModelFileError` at the first layer that is given what it cannot take.

    Args:
        param: the net.
        inputs: input blob to its shape, as far as it is known.
        outputs: the blobs that a run asks for, whose computation may not take more than
        most_bytes: in all blobs that live at one time.

    """
    shapes: dict[str, MaybeShape] = {}
    count = 0
    for layer in param.layers:
        if layer.type == "Input":
            shapes |= {top: inputs.get(top) for top in layer.tops}
            count += _values(map(inputs.get, layer.tops))
            continue
        bottoms = tuple(map(shapes.get, layer.bottoms))
        known = _SOUND.get(layer, (bottoms, len(layer.tops)))
        if known is None:
            tops = _outputs(param, layer, bottoms)
            known = _SOUND.keep(layer, (bottoms, len(layer.tops)), _Tops(tops, _values(tops)))
        shapes.update(zip(layer.tops, known.shapes, strict=True))
        count += known.values
    if 4 * count > most_bytes:
        check_memory(param, shapes, outputs, most_bytes)


class _Tops(NamedTuple):
    """What a layer gives."""

    shapes: list[MaybeShape]
    values: int
    """In all of those whose shapes are known."""


_SOUND = ByParams[_Tops]()
"""Of a layer, where nothing is wrong with it: by the shapes of its inputs, and how many outputs."""


def _values(shapes: Iterable[MaybeShape]) -> int:
    return sum(values(shape) or 0 for shape in shapes)


def _outputs(param: Param, layer: Layer, bottoms: Sequence[MaybeShape]) -> list[MaybeShape]:
    """The shapes of what a layer gives; raises `ModelFileError` where it is given what it cannot take."""
    try:
        for fault in _faults(layer, bottoms):
            raise param.error(layer, fault)
        tops = output_shapes(layer, bottoms)
    except ValueError as error:
        raise param.error(layer, str(error)) from None
    for top, shape in zip(layer.tops, tops, strict=True):
        if shape is not None and is_empty(shape):
            raise param.error(layer, f"its output {top!r} would be {words(shape)}, made of {listed(bottoms)}")
        size = values(shape)
        if size is not None and 4 * size > MOST_BYTES:
            raise param.error(
                layer,
                f"its output {top!r} would be {words(shape)}, {4 * size / (1 << 30):.0f} GiB; a blob may have "
                f"{MOST_BYTES >> 30} GiB",
            )
    return tops


def _faults(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    check = _CHECKS.get(layer.type)
    if check is not None and bottoms:
        yield from check(layer, bottoms)


def _channels(shape: MaybeShape) -> Size:
    return None if shape is None else shape[0]


def _per_channel(key: int, *, switch: int | None = None, shared: bool = False) -> Check:
    """A layer with one value per channel, as many as parameter ``key`` says.

    ``switch``: the parameter that turns them off; ``shared``: one value may serve all channels.
    """

    def check(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
        count, found = layer.get_int(key), _channels(bottoms[0])
        if count < 1 or (switch is not None and not layer.get_int(switch, 1)) or (shared and count == 1):
            return
        if found is not None and found != count:
            yield f"has values for {count} channels, and reads {found} from {layer.bottoms[0]!r} ({words(bottoms[0])})"

    return check


def _scale(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    yield from _per_channel(0)(layer, bottoms)
    found, factors = _channels(bottoms[0]), values(bottoms[-1])
    if layer.get_int(0) == -233 and len(bottoms) == 2 and differs((found, factors)):
        yield f"reads {factors} factors from {layer.bottoms[1]!r} for {found} channels ({words(bottoms[0])})"


def _group_norm(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    yield from _per_channel(1)(layer, bottoms)
    group, found = layer.get_int(0, 1), _channels(bottoms[0])
    if found is not None and (group < 1 or found % group):
        yield f"has {group} groups, and reads {found} channels, which they do not divide"


def _slice(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    bottom = bottoms[0]
    if bottom is None:
        return
    axis = own_axis(layer.get_int(1), bottom)
    if not 0 <= axis < len(bottom):
        yield beside(layer.get_int(1), layer, bottom, "cuts")
        return
    found, parts = bottom[axis], slice_parts(layer, bottom[axis])
    known = [part for part in parts if part is not None and part > 0]
    if found is not None and sum(known) > found:
        yield f"cuts {sum(known)} of the {found} that {layer.bottoms[0]!r} has along axis {axis} ({words(bottom)})"


def _concat(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    known = [shape for shape in bottoms if shape is not None]
    if len({len(shape) for shape in known}) > 1:
        yield f"joins blobs of different numbers of axes: {listed(known)}"
        return
    if not known:
        return
    axis = own_axis(layer.get_int(0), known[0])
    if not 0 <= axis < len(known[0]):
        yield f"joins along axis {layer.get_int(0)}, and its blobs have {len(known[0])} axes ({words(known[0])})"
        return
    others = [(*shape[:axis], *shape[axis + 1 :]) for shape in known]
    if any(differs(sizes) for sizes in zip(*others, strict=True)):
        yield f"joins blobs that do not fit together along axis {axis}: {listed(known)}"


def _eltwise(_layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    known = [shape for shape in bottoms if shape is not None]
    if len({len(shape) for shape in known}) > 1 or any(differs(sizes) for sizes in zip(*known, strict=False)):
        yield f"takes blobs of one shape, and reads {listed(known)}"


def _blocks(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    factor, found = layer.get_int(0, 1), _channels(bottoms[0])
    if factor < 1:
        yield f"has a factor of {factor} (parameter 0)"
    elif layer.type == "PixelShuffle" and found is not None and found % (factor * factor):
        yield f"makes a pixel of {factor * factor} channels, and reads {found} from {layer.bottoms[0]!r}"


def _shuffle(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    group, found = layer.get_int(0, 1), _channels(bottoms[0])
    if group < 1 or (found is not None and bottoms[0] is not None and len(bottoms[0]) > 2 and found % group):
        yield f"has {group} groups, and reads {found} channels, which they do not divide"


def _normalize(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    if not layer.get_int(1):
        yield from _per_channel(3)(layer, bottoms)
    if not layer.get_int(0) and not layer.get_int(4, 1):
        yield "normalizes across neither places (parameter 0) nor channels (parameter 4)"


_CHECKS: dict[str, Check] = {
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise"), check_convolution),
    **dict.fromkeys(("Deconvolution", "DeconvolutionDepthWise"), check_convolution),
    **dict.fromkeys(("Convolution1D", "ConvolutionDepthWise1D"), check_convolution_1d),
    **dict.fromkeys(("Deconvolution1D", "DeconvolutionDepthWise1D"), check_convolution_1d),
    **dict.fromkeys(("Convolution3D", "ConvolutionDepthWise3D"), check_convolution_3d),
    **dict.fromkeys(("Deconvolution3D", "DeconvolutionDepthWise3D"), check_convolution_3d),
    **dict.fromkeys(("BatchNorm", "Bias"), _per_channel(0)),
    **dict.fromkeys(("PReLU", "Dequantize", "Quantize", "Requantize"), _per_channel(0, shared=True)),
    **dict.fromkeys(("CumulativeSum", "GLU", "Softmax"), check_axis),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), check_recurrent),
    **dict.fromkeys(("LayerNorm", "RMSNorm"), check_norm),
    **dict.fromkeys(("ROIAlign", "ROIPooling"), check_region),
    **dict.fromkeys(("PixelShuffle", "Reorg"), _blocks),
    **dict.fromkeys(("YoloDetectionOutput", "Yolov3DetectionOutput"), check_yolo),
    "ArgMax": check_arg_max,
    "BinaryOp": check_binary,
    "Concat": _concat,
    "CopyTo": check_copy,
    "Crop": check_crop,
    "DeformableConv2D": check_deformable,
    "DetectionOutput": check_detection_output,
    "Einsum": check_einsum,
    "Eltwise": _eltwise,
    "ExpandDims": check_expand,
    "Flip": check_flip,
    "Fold": check_fold,
    "Gemm": check_gemm,
    "GridSample": check_grid_sample,
    "GroupNorm": _group_norm,
    "InnerProduct": check_inner_product,
    "InstanceNorm": _per_channel(0, switch=2),
    "Interp": check_interp,
    "InverseSpectrogram": check_inverse_spectrogram,
    "MatMul": check_matmul,
    "MultiHeadAttention": check_attention,
    "Normalize": _normalize,
    "PSROIPooling": check_scored_region,
    "Padding": check_padding,
    "Permute": check_permute,
    "Pooling": check_pooling,
    "Pooling1D": check_pooling_1d,
    "Pooling3D": check_pooling_3d,
    "PriorBox": check_prior_box,
    "Proposal": check_proposal,
    "Reduction": check_reduction,
    "Reshape": check_reshape,
    "RotaryEmbed": check_rotary,
    "SDPA": check_scaled_attention,
    "ShuffleChannel": _shuffle,
    "Scale": _scale,
    "Slice": _slice,
    "Spectrogram": check_spectrogram,
    "Squeeze": check_squeeze,
    "Tile": check_tile,
    "Unfold": check_unfold,
}
