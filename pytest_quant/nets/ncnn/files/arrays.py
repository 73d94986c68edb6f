"""Which arrays a layer keeps in the ``.bin`` file, in which order and how large: a ``.bin`` itself does not say.

The facts are those of ncnn's layers (``load_model`` of each, source of July 2026).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pytest_quant.nets.ncnn.files.array_spec import ArraySpec, divides, positive
from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.nets.ncnn.files.product_arrays import attention, gemm, recurrent
from pytest_quant.nets.ncnn.files.remembered import ByParams

_GRID_CONVOLUTIONS = frozenset({"Convolution", "ConvolutionDepthWise"})
_FLOAT_CONVOLUTIONS = frozenset(
    {
        *("Deconvolution", "DeconvolutionDepthWise", "DeformableConv2D"),
        *(f"{kind}{n}D" for kind in ("Convolution", "ConvolutionDepthWise") for n in (1, 3)),
        *(f"{kind}{n}D" for kind in ("Deconvolution", "DeconvolutionDepthWise") for n in (1, 3)),
    }
)
CONVOLUTIONS = _GRID_CONVOLUTIONS | _FLOAT_CONVOLUTIONS

# Layer types without arrays of their own; a type in neither list is unknown (newer than this list, or custom).
WEIGHTLESS = frozenset(
    {
        *("AbsVal", "ArgMax", "BNLL", "BinaryOp", "CELU", "Cast", "Clip", "Concat", "CopyTo", "Crop"),
        *("CumulativeSum", "DeepCopy", "DetectionOutput", "Diag", "Dropout", "ELU", "Einsum", "Eltwise", "Erf"),
        *("Exp", "ExpandDims", "Flatten", "Flip", "Fold", "GELU", "GLU", "GridSample", "HardSigmoid"),
        *("HardSwish", "Input", "Interp", "InverseSpectrogram", "LRN", "Log", "MVN", "MatMul", "Mish", "Noop"),
        *("PSROIPooling", "Packing", "Permute", "PixelShuffle", "Pooling", "Pooling1D", "Pooling3D", "Power"),
        *("PriorBox", "Proposal", "ROIAlign", "ROIPooling", "ReLU", "Reduction", "Reorg", "Reshape"),
        *("RotaryEmbed", "SDPA", "SELU", "SPP", "Shrink", "ShuffleChannel", "Sigmoid", "Slice", "Softmax"),
        *("Softplus", "Spectrogram", "Split", "Squeeze", "StatisticsPooling", "Swish", "TanH", "Threshold"),
        *("Tile", "UnaryOp", "Unfold", "YoloDetectionOutput", "Yolov3DetectionOutput"),
    }
)

_TERM_ID_BY_TYPE = {
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise", "InnerProduct", "RNN", "LSTM", "GRU"), 8),
    **dict.fromkeys(("Embed", "Gemm", "MultiHeadAttention", "SDPA"), 18),
}
QUANTIZABLE_TYPES = frozenset(_TERM_ID_BY_TYPE)
INT8_LAYER_TYPES = frozenset({"Quantize", "Dequantize", "Requantize"})
_CONV_TERMS = frozenset({0, 1, 2, 101, 102})


def int8_term(layer: Layer) -> int:
    """Return the layer's quantization term: 0 for a float layer, above 100 where the output too is int8."""
    key = _TERM_ID_BY_TYPE.get(layer.type)
    return 0 if key is None else layer.get_int(key)


def int8_term_key(layer_type: str) -> int:
    """Return the parameter id that holds the quantization term of this quantizable layer type."""
    return _TERM_ID_BY_TYPE[layer_type]


def is_known(layer_type: str) -> bool:
    """Whether it is known which arrays layers of a type have."""
    return layer_type in WEIGHTLESS or layer_type in _FINDERS


_SPECS = ByParams[tuple[ArraySpec, ...]]()


def array_specs(param: Param, layer: Layer, *, as_float: bool = False) -> tuple[ArraySpec, ...] | None:
    """Return the arrays of ``layer`` in file order, or None where its type is unknown.

    With ``as_float`` the quantization term is ignored: the arrays of the same layer before quantization.

    Raises:
        ModelFileError: the layer's parameters are impossible (a kernel of 0, sizes that do not divide).

    """
    if layer.type in WEIGHTLESS:
        return ()
    find = _FINDERS.get(layer.type)
    if find is None:
        return None
    known = _SPECS.get(layer, as_float)
    if known is not None:
        return known
    try:
        term = 0 if as_float else int8_term(layer)
        return _SPECS.keep(layer, as_float, tuple(find(layer, term)))
    except ValueError as error:
        raise param.error(layer, str(error)) from None


def kernel_size(layer: Layer) -> int:
    """Return the number of taps of a convolution's kernel.

    Raises:
        ValueError: it is not above 0.

    """
    width = layer.get_int(1)
    size = width
    if not layer.type.endswith("1D"):
        size *= layer.get_int(11, width)
    if layer.type.endswith("3D"):
        size *= layer.get_int(21, width)
    return positive("kernel size (parameters 1, 11)", size)


def _convolution(layer: Layer, term: int) -> Iterator[ArraySpec]:
    outputs = positive("number of outputs (parameter 0)", layer.get_int(0))
    taps = kernel_size(layer)
    for key, what in ((2, "dilation"), (3, "stride")):
        positive(f"{what} (parameter {key})", layer.get_int(key, 1))
    group = positive("number of groups (parameter 7)", layer.get_int(7, 1)) if "DepthWise" in layer.type else 1
    divides("number of outputs", outputs, group)
    if _takes_weight_as_input(layer):
        return
    size = positive("weight size (parameter 6)", layer.get_int(6))
    divides("weight size", size, outputs * taps)
    yield ArraySpec("weight", size, tagged=True)
    if layer.get_int(5):
        yield ArraySpec("bias", outputs)
    if term:
        yield from _convolution_scales(layer, term, outputs, group)


def _takes_weight_as_input(layer: Layer) -> bool:
    if layer.type.endswith("3D") or layer.type == "DeformableConv2D":
        return False
    return layer.get_int(28 if layer.type.startswith("Deconvolution") else 19) != 0


def _convolution_scales(layer: Layer, term: int, outputs: int, group: int) -> Iterator[ArraySpec]:
    if term not in _CONV_TERMS:
        raise ValueError(f"quantization term (parameter 8) is {term}, expected one of {sorted(_CONV_TERMS)}")
    if layer.type == "ConvolutionDepthWise":
        yield ArraySpec("weight_scales", 1 if term % 100 == 2 else group)
    else:
        yield ArraySpec("weight_scales", outputs)
    yield ArraySpec("bottom_scale", 1)
    if term > 100:
        yield ArraySpec("top_scale", 1)


def _inner_product(layer: Layer, term: int) -> Iterator[ArraySpec]:
    outputs = positive("number of outputs (parameter 0)", layer.get_int(0))
    size = positive("weight size (parameter 2)", layer.get_int(2))
    divides("weight size", size, outputs)
    yield ArraySpec("weight", size, tagged=True)
    if layer.get_int(1):
        yield ArraySpec("bias", outputs)
    if term:
        yield ArraySpec("weight_scales", outputs)
        yield ArraySpec("bottom_scale", 1)


def _embed(layer: Layer, term: int) -> Iterator[ArraySpec]:
    yield ArraySpec("weight", positive("weight size (parameter 3)", layer.get_int(3)), tagged=True)
    if layer.get_int(2):
        yield ArraySpec("bias", positive("number of outputs (parameter 0)", layer.get_int(0)))
    if term:
        yield ArraySpec("weight_scales", 1)


def _batch_norm(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    channels = positive("number of channels (parameter 0)", layer.get_int(0))
    for role in ("slope", "mean", "variance", "bias"):
        yield ArraySpec(role, channels)


def _scale(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    size = layer.get_int(0)
    if size == -233:  # the scale is the second input
        return
    yield ArraySpec("scale", positive("scale size (parameter 0)", size))
    if layer.get_int(1):
        yield ArraySpec("bias", size)


def _single(role: str, key: int, default: int = 0) -> Callable[[Layer, int], Iterator[ArraySpec]]:
    def find(layer: Layer, _term: int) -> Iterator[ArraySpec]:
        yield ArraySpec(role, positive(f"{role} size (parameter {key})", layer.get_int(key, default)))

    return find


def _affine(count_key: int, affine_key: int, *roles: str) -> Callable[[Layer, int], Iterator[ArraySpec]]:
    def find(layer: Layer, _term: int) -> Iterator[ArraySpec]:
        if layer.get_int(affine_key, 1):
            count = positive(f"number of elements (parameter {count_key})", layer.get_int(count_key))
            for role in roles:
                yield ArraySpec(role, count)

    return find


def _memory_data(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    count = 1
    sizes = [layer.get_int(key) for key in (0, 1, 11, 2)]
    if not any(sizes):
        return
    for size in sizes:
        count *= size or 1
    yield ArraySpec("data", positive("data size (parameters 0, 1, 11, 2)", count), tagged=layer.get_int(21, 1) == 0)


def _padding(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    if layer.get_int(6):
        yield ArraySpec("pad_values", positive("number of pad values (parameter 6)", layer.get_int(6)))


def _dequantize(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    yield ArraySpec("scale", positive("scale size (parameter 0)", layer.get_int(0, 1)))
    if layer.get_int(1):
        yield ArraySpec("bias", layer.get_int(1))


def _requantize(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    yield ArraySpec("scale_in", positive("scale size (parameter 0)", layer.get_int(0, 1)))
    yield ArraySpec("scale_out", positive("scale size (parameter 1)", layer.get_int(1, 1)))
    if layer.get_int(2):
        yield ArraySpec("bias", layer.get_int(2))


_FINDERS: dict[str, Callable[[Layer, int], Iterator[ArraySpec]]] = {
    **dict.fromkeys(CONVOLUTIONS, _convolution),
    "InnerProduct": _inner_product,
    "Embed": _embed,
    "BatchNorm": _batch_norm,
    "Scale": _scale,
    "Bias": _single("bias", 0),
    "PReLU": _single("slope", 0),
    "Normalize": _single("scale", 3),
    "Quantize": _single("scale", 0, 1),
    "GroupNorm": _affine(1, 3, "gamma", "beta"),
    "InstanceNorm": _affine(0, 2, "gamma", "beta"),
    "LayerNorm": _affine(0, 2, "gamma", "beta"),
    "RMSNorm": _affine(0, 2, "gamma"),
    "MemoryData": _memory_data,
    "Padding": _padding,
    "Dequantize": _dequantize,
    "Requantize": _requantize,
    "RNN": recurrent(1, 1),
    "LSTM": recurrent(4, 4),
    "GRU": recurrent(3, 4),
    "Gemm": gemm,
    "MultiHeadAttention": attention,
}
