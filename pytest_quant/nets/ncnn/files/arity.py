"""How many blobs a layer reads and writes, by its type.

ncnn takes any number from the file and its layers do not look: one that reads fewer than it needs, or writes more than
it makes, kills the process or computes with what lies in memory. The facts are those of ncnn's layers (source of July
2026).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytest_quant.nets.ncnn.files.layer_params import ParamValue
from pytest_quant.nets.ncnn.files.param import Layer, Param


@dataclass(frozen=True)
class Arity:
    """How many inputs and outputs a layer may have; None: any number from the least on."""

    least_inputs: int
    most_inputs: int | None
    least_outputs: int = 1
    most_outputs: int | None = 1


_ONE_TO_ONE = Arity(1, 1)
_TWO_TO_ONE = Arity(2, 2)
_MANY_TO_ONE = Arity(1, None)

_ONE_TO_ONE_TYPES = frozenset(
    {
        *("AbsVal", "ArgMax", "BNLL", "BatchNorm", "Bias", "CELU", "Cast", "Clip", "Convolution3D"),
        *("ConvolutionDepthWise3D", "CumulativeSum", "Deconvolution3D", "DeconvolutionDepthWise3D", "DeepCopy"),
        *("Dequantize", "Diag", "Dropout", "ELU", "Embed", "Erf", "Exp", "ExpandDims", "Flatten", "Flip", "Fold"),
        *("GELU", "GLU", "GroupNorm", "HardSigmoid", "HardSwish", "InnerProduct", "InstanceNorm"),
        *("InverseSpectrogram", "LRN", "LayerNorm", "Log", "MVN", "Mish", "Normalize", "PReLU", "Packing"),
        *("Padding", "Permute", "PixelShuffle", "Pooling", "Pooling1D", "Pooling3D", "Power", "Quantize", "RMSNorm"),
        *("ReLU", "Reduction", "Reorg", "Requantize", "SELU", "SPP", "Shrink", "ShuffleChannel", "Sigmoid"),
        *("Softmax", "Softplus", "Spectrogram", "Squeeze", "StatisticsPooling", "Swish", "TanH", "Threshold"),
        *("Tile", "UnaryOp", "Unfold"),
    }
)
_BY_TYPE: dict[str, Arity] = {
    **dict.fromkeys(_ONE_TO_ONE_TYPES, _ONE_TO_ONE),
    "Input": Arity(0, 0, 1, None),
    "MemoryData": Arity(0, 0),
    **dict.fromkeys(("CopyTo", "GridSample", "PSROIPooling", "ROIAlign", "ROIPooling"), _TWO_TO_ONE),
    **dict.fromkeys(("Concat", "Einsum", "Yolov3DetectionOutput", "YoloDetectionOutput"), _MANY_TO_ONE),
    "DeformableConv2D": Arity(2, 3),
    "DetectionOutput": Arity(3, None),
    "Eltwise": Arity(2, None),
    "GRU": Arity(1, 2, 1, 2),
    "LSTM": Arity(1, 3, 1, 3),
    "MatMul": Arity(2, None),
    "MultiHeadAttention": Arity(1, None, 1, 3),
    "PriorBox": Arity(1, 2),
    "Proposal": Arity(3, 3, 1, 2),
    "RNN": Arity(1, 2, 1, 2),
    "RotaryEmbed": Arity(3, 3),
    "SDPA": Arity(3, None, 1, 3),
    "Split": Arity(1, 1, 1, None),
}


def _by_key(key: int, one: ParamValue, then: Arity) -> Callable[[Layer], Arity]:
    """One input and one output, unless a parameter holds ``one``, which makes it ``then``."""
    return lambda layer: then if layer.params.get(key, 0) == one else _ONE_TO_ONE


def _dynamic_weight(key: int) -> Callable[[Layer], Arity]:
    """A convolution whose weights may come as a blob, with its bias where it has one."""
    return lambda layer: Arity(3 if layer.get_int(5) else 2, 3) if layer.get_int(key) else _ONE_TO_ONE


def _binary(layer: Layer) -> Arity:
    return _ONE_TO_ONE if layer.get_int(1) else _TWO_TO_ONE


def _interp(layer: Layer) -> Arity:
    if layer.get_int(5) == 1:
        return Arity(2, None)
    return Arity(1, None) if 9 in layer.params else _ONE_TO_ONE


def _reshape(layer: Layer) -> Arity:
    return Arity(1, None) if 6 in layer.params else _ONE_TO_ONE


def _crop(layer: Layer) -> Arity:
    if any(key in layer.params for key in (19, 20, 21)):
        return Arity(1, None)
    is_given = any(layer.params.get(key, 0) != 0 for key in (3, 4, 14, 5, 6, 7, 15, 8))
    return _ONE_TO_ONE if is_given or {9, 10} <= layer.params.keys() else _TWO_TO_ONE


def _gemm(layer: Layer) -> Arity:
    inputs = sum(layer.get_int(key) == 0 for key in (4, 5))
    return Arity(inputs, inputs + 1)


def _noop(layer: Layer) -> Arity:
    """Passes on what it reads, blob for blob."""
    return Arity(1, None, 0, len(layer.bottoms))


def _slice(layer: Layer) -> Arity:
    """As many outputs as there are parts: ``-23300`` has the size of each, ``-23302`` where all but the last end."""
    sizes, ends = layer.params.get(0, ()), layer.params.get(2, ())
    if isinstance(ends, tuple) and ends:
        return Arity(1, 1, len(ends) + 1, len(ends) + 1)
    count = len(sizes) if isinstance(sizes, tuple) else 0
    return Arity(1, 1, max(count, 1), count)


_BY_LAYER: dict[str, Callable[[Layer], Arity]] = {
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise", "Convolution1D"), _dynamic_weight(19)),
    "ConvolutionDepthWise1D": _dynamic_weight(19),
    **dict.fromkeys(("Deconvolution", "DeconvolutionDepthWise"), _dynamic_weight(28)),
    **dict.fromkeys(("Deconvolution1D", "DeconvolutionDepthWise1D"), _dynamic_weight(28)),
    "BinaryOp": _binary,
    "Crop": _crop,
    "Gemm": _gemm,
    "Interp": _interp,
    "Noop": _noop,
    "Reshape": _reshape,
    "Scale": _by_key(0, -233, _TWO_TO_ONE),
    "Slice": _slice,
}


def check_arity(param: Param) -> None:
    """Raise `ModelFileError` for a layer that reads or writes another number of blobs than its type takes."""
    for layer in param.layers:
        found = _arity(param, layer)
        if found is None:
            continue
        for what, count, least, most in (
            ("reads", len(layer.bottoms), found.least_inputs, found.most_inputs),
            ("writes", len(layer.tops), found.least_outputs, found.most_outputs),
        ):
            if count < least or (most is not None and count > most):
                raise param.error(
                    layer, f"{what} {_blobs(count)}, a {layer.type}{_why(layer)} {what} {_bounds(least, most)}"
                )


def _arity(param: Param, layer: Layer) -> Arity | None:
    """None: a type that is not known here."""
    by_layer = _BY_LAYER.get(layer.type)
    if by_layer is None:
        return _BY_TYPE.get(layer.type)
    try:
        return by_layer(layer)
    except ValueError as error:
        raise param.error(layer, str(error)) from None


def _why(layer: Layer) -> str:
    if layer.type == "BinaryOp" and not layer.get_int(1):
        return " without a number as its second operand (1=1)"
    if layer.type == "Slice":
        return " of these parts (-23300 or -23302)"
    return ""


def _blobs(count: int) -> str:
    return f"{count} blob{'' if count == 1 else 's'}"


def _bounds(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more"
    if most < least:
        return "none that it could make"
    return str(least) if least == most else f"{least} to {most}"
