"""What is known of the shapes of blobs, and how layers change them. A rule that is not sure says None."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Rule, Size, axes_of, own_axis, values
from pytest_quant.nets.ncnn.files.broadcasting import binary_shape
from pytest_quant.nets.ncnn.files.detecting import prior_box_shape, region_shape, scored_region_shape
from pytest_quant.nets.ncnn.files.einsum import einsum_shape
from pytest_quant.nets.ncnn.files.padding import padding_shape
from pytest_quant.nets.ncnn.files.param import Layer
from pytest_quant.nets.ncnn.files.patches import deformable_shape, fold_shape, grid_sample_shape, unfold_shape
from pytest_quant.nets.ncnn.files.products import gemm_shape, inner_product_shape, matmul_shape, recurrent_shape
from pytest_quant.nets.ncnn.files.reducing import arg_max_shape, reduction_shape
from pytest_quant.nets.ncnn.files.regions import crop_shape
from pytest_quant.nets.ncnn.files.reshaping import (
    expand_shape,
    permute_shape,
    reshape_shape,
    squeeze_shape,
    tile_shape,
)
from pytest_quant.nets.ncnn.files.resizing import interp_shape
from pytest_quant.nets.ncnn.files.rows import convolution_1d_shape, deconvolution_1d_shape, pooling_1d_shape
from pytest_quant.nets.ncnn.files.spectra import inverse_spectrogram_shape, spectrogram_shape
from pytest_quant.nets.ncnn.files.volumes import convolution_3d_shape, deconvolution_3d_shape, pooling_3d_shape
from pytest_quant.nets.ncnn.files.windows import convolution_shape, deconvolution_shape, pooling_shape


def output_shapes(layer: Layer, bottoms: Sequence[MaybeShape]) -> list[MaybeShape]:
    """The shapes of a layer's outputs, as far as they follow from those of its inputs."""
    if layer.type in _COPYING:
        return [bottoms[0]] * len(layer.tops)
    if layer.type == "Noop":
        return list(bottoms[: len(layer.tops)])
    if layer.type == "Slice":
        return _slice_shapes(layer, bottoms[0])
    rule = _RULES.get(layer.type)
    if rule is None or not layer.tops:
        return [None] * len(layer.tops)
    return [rule(layer, bottoms), *[None] * (len(layer.tops) - 1)]


def _slice_shapes(layer: Layer, bottom: MaybeShape) -> list[MaybeShape]:
    """Of the parts that a Slice makes."""
    axis = None if bottom is None else own_axis(layer.get_int(1), bottom)
    if bottom is None or axis is None or not 0 <= axis < len(bottom):
        return [None] * len(layer.tops)
    parts = slice_parts(layer, bottom[axis])
    return [(*bottom[:axis], part, *bottom[axis + 1 :]) for part in parts]


def slice_parts(layer: Layer, whole: Size) -> list[Size]:
    """How much of the size along its axis a Slice gives to each output; -233: an equal share of what is left."""
    count, sizes, ends = len(layer.tops), axes_of(layer, 0), axes_of(layer, 2)
    parts: list[Size] = []
    begin: Size = 0
    for place in range(count):
        left = None if whole is None or begin is None else whole - begin
        if ends:
            end = whole if place == count - 1 else _from_start(ends[place], whole)
            part = None if end is None or begin is None else end - begin
        elif place >= len(sizes) or sizes[place] == -233:
            part = None if left is None else left // (count - place)
        else:
            part = sizes[place]
        begin = None if begin is None or part is None else begin + part
        parts.append(part)
    return parts


def _from_start(end: int, whole: Size) -> Size:
    if end >= 0:
        return end
    return None if whole is None else whole + end


def _same(_layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    return bottoms[0]


def _flatten(_layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    return (values(bottoms[0]),)


def _concat(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    known = [bottom for bottom in bottoms if bottom is not None]
    if len(known) < len(bottoms) or len({len(shape) for shape in known}) != 1:
        return None
    axis = own_axis(layer.get_int(0), known[0])
    if not 0 <= axis < len(known[0]):
        return None
    along = [shape[axis] for shape in known]
    joined = None if None in along else sum(size for size in along if size is not None)
    merged = [next((size for size in sizes if size is not None), None) for sizes in zip(*known, strict=True)]
    return (*merged[:axis], joined, *merged[axis + 1 :])


def _eltwise(_layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    return next((shape for shape in bottoms if shape is not None), None)


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


def _embed(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    return values(bottoms[0]), layer.get_int(0)


def _glu(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    bottom = bottoms[0]
    if bottom is None:
        return None
    axis = 0 if len(bottom) == 1 else own_axis(layer.get_int(0), bottom)
    return tuple(size // 2 if at == axis and size is not None else size for at, size in enumerate(bottom))


def _memory_data(layer: Layer, _bottoms: Sequence[MaybeShape]) -> MaybeShape:
    if layer.get_int(11):
        return None
    return tuple(size for size in (layer.get_int(2), layer.get_int(1), layer.get_int(0)) if size > 0) or None


_COPYING = frozenset({"Split"})

_KEEPING = frozenset(
    {
        *("AbsVal", "BNLL", "BatchNorm", "Bias", "CELU", "Cast", "Clip", "CopyTo", "CumulativeSum", "DeepCopy"),
        *("Dequantize", "Dropout", "ELU", "Erf", "Exp", "Flip", "GELU", "GroupNorm", "HardSigmoid", "HardSwish"),
        *("InstanceNorm", "LRN", "LayerNorm", "Log", "MVN", "Mish", "Normalize", "PReLU", "Power", "Quantize"),
        *("RMSNorm", "ReLU", "Requantize", "RotaryEmbed", "SELU", "Scale", "Shrink", "ShuffleChannel", "Sigmoid"),
        *("Softmax", "Softplus", "Swish", "TanH", "Threshold", "UnaryOp"),
    }
)

_RULES: dict[str, Rule] = {
    **dict.fromkeys(_KEEPING, _same),
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise"), convolution_shape),
    **dict.fromkeys(("Convolution1D", "ConvolutionDepthWise1D"), convolution_1d_shape),
    **dict.fromkeys(("Convolution3D", "ConvolutionDepthWise3D"), convolution_3d_shape),
    **dict.fromkeys(("Deconvolution", "DeconvolutionDepthWise"), deconvolution_shape),
    **dict.fromkeys(("Deconvolution1D", "DeconvolutionDepthWise1D"), deconvolution_1d_shape),
    **dict.fromkeys(("Deconvolution3D", "DeconvolutionDepthWise3D"), deconvolution_3d_shape),
    **dict.fromkeys(("ROIAlign", "ROIPooling"), region_shape),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), recurrent_shape),
    "ArgMax": arg_max_shape,
    "BinaryOp": binary_shape,
    "Concat": _concat,
    "Crop": crop_shape,
    "DeformableConv2D": deformable_shape,
    "Einsum": einsum_shape,
    "Eltwise": _eltwise,
    "Embed": _embed,
    "ExpandDims": expand_shape,
    "Flatten": _flatten,
    "Fold": fold_shape,
    "GLU": _glu,
    "Gemm": gemm_shape,
    "GridSample": grid_sample_shape,
    "InnerProduct": inner_product_shape,
    "Interp": interp_shape,
    "InverseSpectrogram": inverse_spectrogram_shape,
    "MatMul": matmul_shape,
    "MemoryData": _memory_data,
    "Padding": padding_shape,
    "Permute": permute_shape,
    "PixelShuffle": _pixel_shuffle,
    "Pooling": pooling_shape,
    "Pooling1D": pooling_1d_shape,
    "Pooling3D": pooling_3d_shape,
    "PriorBox": prior_box_shape,
    "PSROIPooling": scored_region_shape,
    "Reduction": reduction_shape,
    "Reorg": _reorg,
    "Reshape": reshape_shape,
    "Spectrogram": spectrogram_shape,
    "Squeeze": squeeze_shape,
    "Tile": tile_shape,
    "Unfold": unfold_shape,
}
