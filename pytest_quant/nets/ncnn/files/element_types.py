"""What the values of a blob are stored as, which ncnn hands on as it is.

Most layers take any blob for floats: of halves and codes they read as much again behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pytest_quant.nets.ncnn.files.arrays import CONVOLUTIONS, int8_term
from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.nets.ncnn.files.remembered import ByParams

Stored = Literal["float32", "float16", "int8", "bfloat16"]

_CAST_TYPES: dict[int, Stored] = {1: "float32", 2: "float16", 3: "int8", 4: "bfloat16"}
_CASTS = frozenset({(1, 2), (2, 1), (3, 1), (1, 4), (4, 1)})
"""From one to another; those that change nothing do nothing, and of all others nobody writes the output."""

_PASSING = frozenset(
    {
        *("Concat", "Crop", "DeepCopy", "Dropout", "ExpandDims", "Flatten", "Noop", "Packing", "Padding", "Slice"),
        *("Split", "Squeeze"),
    }
)
_OF_FLOATS = CONVOLUTIONS | {
    *("AbsVal", "ArgMax", "BNLL", "BatchNorm", "Bias", "BinaryOp", "CELU", "Clip", "CumulativeSum", "ELU", "Einsum"),
    *("Eltwise", "Erf", "Exp", "Fold", "GELU", "GLU", "GRU", "Gemm", "GridSample", "GroupNorm", "HardSigmoid"),
    *("HardSwish", "InnerProduct", "InstanceNorm", "InverseSpectrogram", "LRN", "LSTM", "LayerNorm", "Log", "MVN"),
    *("MatMul", "Mish", "MultiHeadAttention", "Normalize", "PReLU", "Power", "Quantize", "RMSNorm", "RNN"),
    *("Reduction", "RotaryEmbed", "SDPA", "SELU", "Scale", "Shrink", "Sigmoid", "Softmax", "Softplus"),
    *("Spectrogram", "StatisticsPooling", "Swish", "TanH", "Threshold", "UnaryOp", "Unfold"),
}
"""They compute with floats, unless their weights are codes."""
_OF_CODES_TOO = frozenset({"Interp", "Pooling", "ReLU"})
"""What takes codes, or may, and no halves."""


def check_stored(param: Param) -> None:
    """Raise `ModelFileError` for a layer that takes its input for something else than it holds."""
    stored_types(param)


def stored_types(param: Param) -> dict[str, Stored | None]:
    """What each blob holds; None: it is not known. Raises as `check_stored` does."""
    stored: dict[str, Stored | None] = {}
    for layer in param.layers:
        bottoms = tuple(map(stored.get, layer.bottoms))
        known = _SOUND.get(layer, bottoms)
        if known is None:
            known = _SOUND.keep(layer, bottoms, (_checked(param, layer, bottoms),))
        for top in layer.tops:
            stored[top] = known[0]
    return stored


_SOUND = ByParams[tuple[Stored | None]]()
"""What a layer's outputs hold, where nothing is wrong with it, by what its inputs hold."""


def _checked(param: Param, layer: Layer, bottoms: Sequence[Stored | None]) -> Stored | None:
    """What a layer's outputs hold; raises `ModelFileError`."""
    try:
        for fault in _faults(layer, bottoms):
            raise param.error(layer, fault)
        return _output(layer, bottoms)
    except ValueError as error:
        raise param.error(layer, str(error)) from None


def _output(layer: Layer, bottoms: Sequence[Stored | None]) -> Stored | None:
    """None: it is not known."""
    if (
        layer.type in _PASSING
        or layer.type == "ReLU"
        or (layer.type == "Cast" and layer.get_int(0) == layer.get_int(1))
    ):
        return bottoms[0] if len(set(bottoms)) == 1 else None
    if layer.type == "Cast":
        return _CAST_TYPES[layer.get_int(1)]
    if layer.type in ("Quantize", "Requantize"):
        return "int8"
    if int8_term(layer) > 100:
        return "int8"
    return "float32" if layer.type == "Input" or layer.type in _OF_FLOATS else None


def _faults(layer: Layer, bottoms: Sequence[Stored | None]) -> Iterator[str]:
    if layer.type == "Cast":
        yield from _faults_of_cast(layer, bottoms)
        return
    takes_codes = layer.type in _OF_CODES_TOO or int8_term(layer) > 0
    if layer.type not in _OF_FLOATS | _OF_CODES_TOO:
        return
    for name, found in zip(layer.bottoms, bottoms, strict=True):
        if found not in (None, "float32") and not (takes_codes and found == "int8"):
            yield f"computes with float32, and {name!r} holds {found}"


def _faults_of_cast(layer: Layer, bottoms: Sequence[Stored | None]) -> Iterator[str]:
    one, two = layer.get_int(0), layer.get_int(1)
    if one == two:
        return
    found = next(iter(bottoms), None)
    if (one, two) not in _CASTS:
        yield f"makes type {two} of type {one} (parameters 1 and 0), which ncnn lacks"
    elif found not in (None, _CAST_TYPES[one]):
        yield f"makes {_CAST_TYPES[two]} of {_CAST_TYPES[one]}, and {layer.bottoms[0]!r} holds {found}"
