"""What a graph tells of an input that is no image: how many axes its first layers take, and whether it is integers."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_quant.nets.ncnn.files.param import Layer, Param

_AXES = {
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise", "Deconvolution", "DeconvolutionDepthWise"), 3),
    **dict.fromkeys(("Convolution1D", "ConvolutionDepthWise1D", "Deconvolution1D", "DeconvolutionDepthWise1D"), 2),
    **dict.fromkeys(("Convolution3D", "ConvolutionDepthWise3D", "Deconvolution3D", "DeconvolutionDepthWise3D"), 4),
    **dict.fromkeys(("LSTM", "GRU", "RNN", "MultiHeadAttention"), 2),
    "Pooling1D": 2,
    "Pooling": 3,
    "Pooling3D": 4,
}
"""Of what the layer reads first."""

_KEEPS_AXES = frozenset(
    {
        *("AbsVal", "BNLL", "BatchNorm", "Bias", "CELU", "Cast", "Clip", "DeepCopy", "Dropout", "ELU", "Erf", "Exp"),
        *("GELU", "HardSigmoid", "HardSwish", "LayerNorm", "Log", "MVN", "Mish", "Noop", "PReLU", "Padding", "Power"),
        *("Quantize", "ReLU", "SELU", "Scale", "Sigmoid", "Softmax", "Softplus", "Split", "Swish", "TanH", "UnaryOp"),
    }
)
_KEEPS_BITS = frozenset(
    {"Split", "Noop", "Reshape", "Flatten", "Squeeze", "ExpandDims", "Permute", "Crop", "Slice", "Dropout"}
)
"""They move values without looking at them."""


@dataclass(frozen=True)
class InputForm:
    """Of one input blob."""

    axes: int | None = None
    """How many its first layer takes; None where that is not told."""
    is_integer: bool = False
    """Whether it is numbers of rows (Embed), which ncnn reads as int32."""


def input_form(param: Param, blob: str) -> InputForm:
    """Follow a blob to the layers that tell."""
    return InputForm(_axes(param, blob), _is_integer(param, blob))


def _axes(param: Param, blob: str) -> int | None:
    pending = [blob]
    while pending:
        for layer in param.consumers[pending.pop()]:
            if layer.type in _AXES:
                return _AXES[layer.type]
            if layer.type in _KEEPS_AXES or _is_with_number(layer):
                pending.extend(layer.tops)
    return None


def _is_integer(param: Param, blob: str) -> bool:
    pending = [blob]
    while pending:
        for layer in param.consumers[pending.pop()]:
            if layer.type == "Embed":
                return True
            if layer.type in _KEEPS_BITS:
                pending.extend(layer.tops)
    return False


def _is_with_number(layer: Layer) -> bool:
    return layer.type == "BinaryOp" and layer.get_int(1) != 0
