"""Which arrays a layer keeps in the ``.bin`` file, in which order and how large: a ``.bin`` itself does not say.

The facts are those of ncnn's layers (``load_model`` of each, source of July 2026).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.nets.ncnn.files.remembered import ByParams


@dataclass(frozen=True)
class ArraySpec:
    """One array that a layer loads.

    Attributes:
        role: ``weight``, ``bias``, ``weight_scales``, ``bottom_scale``, ``top_scale`` or the layer's own word for it.
        count: number of elements.
        tagged: stored behind a 4-byte storage tag (fp32, fp16, int8 or table); otherwise bare fp32.
        is_packed: bare bytes instead, up to a multiple of four: integers of a few bits.

    """

    role: str
    count: int
    tagged: bool = False
    is_packed: bool = False


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
    return _positive("kernel size (parameters 1, 11)", size)


def _positive(what: str, value: int) -> int:
    if value <= 0:
        raise ValueError(f"{what} is {value}, expected a number above 0")
    return value


def _divides(what: str, size: int, by: int) -> None:
    if size % by:
        raise ValueError(f"{what} {size} is not a multiple of {by}")


def _convolution(layer: Layer, term: int) -> Iterator[ArraySpec]:
    outputs = _positive("number of outputs (parameter 0)", layer.get_int(0))
    taps = kernel_size(layer)
    for key, what in ((2, "dilation"), (3, "stride")):
        _positive(f"{what} (parameter {key})", layer.get_int(key, 1))
    group = _positive("number of groups (parameter 7)", layer.get_int(7, 1)) if "DepthWise" in layer.type else 1
    _divides("number of outputs", outputs, group)
    if _takes_weight_as_input(layer):
        return
    size = _positive("weight size (parameter 6)", layer.get_int(6))
    _divides("weight size", size, outputs * taps)
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
    outputs = _positive("number of outputs (parameter 0)", layer.get_int(0))
    size = _positive("weight size (parameter 2)", layer.get_int(2))
    _divides("weight size", size, outputs)
    yield ArraySpec("weight", size, tagged=True)
    if layer.get_int(1):
        yield ArraySpec("bias", outputs)
    if term:
        yield ArraySpec("weight_scales", outputs)
        yield ArraySpec("bottom_scale", 1)


def _embed(layer: Layer, term: int) -> Iterator[ArraySpec]:
    yield ArraySpec("weight", _positive("weight size (parameter 3)", layer.get_int(3)), tagged=True)
    if layer.get_int(2):
        yield ArraySpec("bias", _positive("number of outputs (parameter 0)", layer.get_int(0)))
    if term:
        yield ArraySpec("weight_scales", 1)


def _batch_norm(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    channels = _positive("number of channels (parameter 0)", layer.get_int(0))
    for role in ("slope", "mean", "variance", "bias"):
        yield ArraySpec(role, channels)


def _scale(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    size = layer.get_int(0)
    if size == -233:  # the scale is the second input
        return
    yield ArraySpec("scale", _positive("scale size (parameter 0)", size))
    if layer.get_int(1):
        yield ArraySpec("bias", size)


def _single(role: str, key: int, default: int = 0) -> Callable[[Layer, int], Iterator[ArraySpec]]:
    def find(layer: Layer, _term: int) -> Iterator[ArraySpec]:
        yield ArraySpec(role, _positive(f"{role} size (parameter {key})", layer.get_int(key, default)))

    return find


def _affine(count_key: int, affine_key: int, *roles: str) -> Callable[[Layer, int], Iterator[ArraySpec]]:
    def find(layer: Layer, _term: int) -> Iterator[ArraySpec]:
        if layer.get_int(affine_key, 1):
            count = _positive(f"number of elements (parameter {count_key})", layer.get_int(count_key))
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
    yield ArraySpec("data", _positive("data size (parameters 0, 1, 11, 2)", count), tagged=layer.get_int(21, 1) == 0)


def _padding(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    if layer.get_int(6):
        yield ArraySpec("pad_values", _positive("number of pad values (parameter 6)", layer.get_int(6)))


def _dequantize(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    yield ArraySpec("scale", _positive("scale size (parameter 0)", layer.get_int(0, 1)))
    if layer.get_int(1):
        yield ArraySpec("bias", layer.get_int(1))


def _requantize(layer: Layer, _term: int) -> Iterator[ArraySpec]:
    yield ArraySpec("scale_in", _positive("scale size (parameter 0)", layer.get_int(0, 1)))
    yield ArraySpec("scale_out", _positive("scale size (parameter 1)", layer.get_int(1, 1)))
    if layer.get_int(2):
        yield ArraySpec("bias", layer.get_int(2))


def _recurrent(gates: int, biases: int) -> Callable[[Layer, int], Iterator[ArraySpec]]:
    def find(layer: Layer, term: int) -> Iterator[ArraySpec]:
        outputs = _positive("number of outputs (parameter 0)", layer.get_int(0))
        hidden = outputs
        if layer.type == "LSTM":
            hidden = _positive("hidden size (parameter 3)", layer.get_int(3, outputs))
        directions = 2 if layer.get_int(2) == 2 else 1
        size = _positive("weight size (parameter 1)", layer.get_int(1))
        _divides("weight size", size, directions * hidden * gates)
        yield ArraySpec("weight", size, tagged=True)
        yield ArraySpec("bias", directions * hidden * biases, tagged=True)
        yield ArraySpec("hidden_weight", directions * outputs * hidden * gates, tagged=True)
        if hidden != outputs:
            yield ArraySpec("projection_weight", directions * outputs * hidden, tagged=True)
        if term:
            yield ArraySpec("weight_scales", directions * hidden * gates)
            yield ArraySpec("hidden_weight_scales", directions * hidden * gates)

    return find


def _gemm(layer: Layer, term: int) -> Iterator[ArraySpec]:
    constant_a, constant_b, constant_c = (layer.get_int(key) == 1 for key in (4, 5, 6))
    m, n, k = (layer.get_int(key) for key in (7, 8, 9))
    blocks = _BlockQuantization.of(term)
    if constant_a:
        yield ArraySpec("weight_a", _positive("M * K (parameters 7, 9)", m * k), tagged=True)
    if constant_b:
        size = blocks.packed(k) * n if blocks else k * n
        yield _matrix("weight", _positive("N * K (parameters 8, 9)", size), blocks)
    broadcast = layer.get_int(10)
    if constant_c and broadcast != -1:
        sizes = {0: 1, 1: m, 2: m, 3: m * n, 4: n}
        if broadcast not in sizes:
            raise ValueError(f"broadcast type of C (parameter 10) is {broadcast}, expected -1 to 4")
        yield ArraySpec("bias", _positive("size of C (parameters 7, 8, 10)", sizes[broadcast]), tagged=True)
    if blocks:
        yield from blocks.scales([(k, n)])
    elif term:
        if constant_a:
            yield ArraySpec("weight_a_scales", m)
        if constant_b:
            yield ArraySpec("weight_scales", 1)


def _attention(layer: Layer, term: int) -> Iterator[ArraySpec]:
    embed = _positive("embedding size (parameter 0)", layer.get_int(0))
    size = _positive("weight size (parameter 2)", layer.get_int(2))
    _divides("weight size", size, embed)
    query = size // embed
    key, value = (_positive(f"parameter {i}", layer.get_int(i, embed)) for i in (3, 4))
    matrices = [("query", query, embed), ("key", key, embed), ("value", value, embed), ("output", embed, query)]
    blocks = _BlockQuantization.of(term)
    for role, inputs, outputs in matrices:
        yield _matrix(f"{role}_weight", (blocks.packed(inputs) if blocks else inputs) * outputs, blocks)
        yield ArraySpec(f"{role}_bias", outputs)
    if blocks:
        yield from blocks.scales([(inputs, outputs) for _, inputs, outputs in matrices])
    elif term:
        for role in ("query", "key", "value"):
            yield ArraySpec(f"{role}_weight_scales", embed)
        yield ArraySpec("output_weight_scales", 1)


@dataclass(frozen=True)
class _BlockQuantization:
    """Weights alone quantized, in blocks along the inputs: term = 100 * bits + 10 * has input scale + block code."""

    bits: int
    has_input_scale: bool
    block: int

    @classmethod
    def of(cls, term: int) -> _BlockQuantization | None:
        if term < 400:
            if term in (4, 5, 6):
                raise ValueError(f"quantization term (parameter 18) is {term}, which ncnn refuses")
            return None
        bits, form, code = term // 100, term % 100 // 10, term % 10
        if bits not in (4, 6, 8) or form not in (0, 1) or code not in (0, 1, 2):
            raise ValueError(f"quantization term (parameter 18) is {term}, which ncnn refuses")
        return cls(bits, form == 1, 32 << code)

    def packed(self, inputs: int) -> int:
        return (inputs * self.bits + 7) // 8

    def scales(self, matrices: list[tuple[int, int]]) -> Iterator[ArraySpec]:
        for inputs, outputs in matrices:
            yield ArraySpec("block_scales", -(-inputs // self.block) * outputs)
        if self.has_input_scale:
            for inputs, _ in matrices:
                yield ArraySpec("input_scales", inputs)


def _matrix(role: str, count: int, blocks: _BlockQuantization | None) -> ArraySpec:
    return ArraySpec(role, count, tagged=blocks is None, is_packed=blocks is not None)


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
    "RNN": _recurrent(1, 1),
    "LSTM": _recurrent(4, 4),
    "GRU": _recurrent(3, 4),
    "Gemm": _gemm,
    "MultiHeadAttention": _attention,
}
