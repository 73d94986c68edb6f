"""The ``.param`` text as ncnn's own tools print it (ncnn2int8, ncnnoptimize), so that files compare byte by byte.

Keys stand in each type's own order, those with a default value are left out, floats are printed with ``%e``. Unlike
those tools, which drop what they do not know, keys outside of a type's list are kept: they follow in ascending order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from pytest_quant.nets.ncnn.files.layer_params import ParamValue
from pytest_quant.nets.ncnn.files.param import MAGIC, Layer

_SHAPE_HINT = 30
_ARRAY_BASE = -23300
_HINT_NUMBERS = 5

# Per type, in print order: "3" (default 0), "3=1" (default 1), "11<1" (default: the value of key 1), "5?3" (left out
# where key 3 is 0 or missing); floats and integers are told apart by the value itself.
_CONV = "0 1 11<1 2=1 12<2 3=1 13<3 4 14<4 15<4 16<14"
_CONV_1D = "0 1 2=1 3=1 4 15<4"
_CONV_3D = "0 1 11<1 21<1 2=1 12<2 22<2 3=1 13<3 23<3 4 14<4 24<4 15<4 16<14 17<24"
_DECONV_3D = f"{_CONV_3D} 18 19<18 20<18 25 26<25 27<25 5 6"
_KEYS_BY_TYPE = {
    **dict.fromkeys(("Bias", "BinaryOp", "Concat", "CumulativeSum", "Diag", "GELU", "GLU", "Input"), "0 1 2"),
    **dict.fromkeys(("MatMul", "Permute", "PReLU", "ReLU", "RotaryEmbed", "Scale", "Threshold", "UnaryOp"), "0 1"),
    **dict.fromkeys(("HardSigmoid", "HardSwish"), "0=0.2 1=0.5"),
    **dict.fromkeys(("LayerNorm", "InstanceNorm", "RMSNorm"), "0 1=0.001 2=1"),
    **dict.fromkeys(("Exp", "Log"), "0=-1 1=1 2"),
    **dict.fromkeys(("RNN", "GRU"), "0 1 2 8"),
    "BatchNorm": "0 1",
    "CELU": "0=1",
    "Clip": "0=-3.402823466e+38 1=3.402823466e+38",
    "Convolution": f"{_CONV} 18 5 6 8 9 10 19",
    "Convolution1D": f"{_CONV_1D} 18 5 6 9 10 19",
    "Convolution3D": f"{_CONV_3D} 18 5 6 9 10",
    "ConvolutionDepthWise": f"{_CONV} 18 5 6 7=1 8 9 10 19",
    "ConvolutionDepthWise1D": f"{_CONV_1D} 18 5 6 7=1 9 10 19",
    "ConvolutionDepthWise3D": f"{_CONV_3D} 18 5 6 7=1 9 10",
    "CopyTo": "0 1 13 2 9 11",
    "Crop": "0 1 13 2 3 4 14 5 6 7 15 8 9 10 11 19 20 21",
    "Deconvolution": f"{_CONV} 18 19<18 20 21<20 5 6 9 10 28",
    "Deconvolution1D": f"{_CONV_1D} 18 20 5 6 9 10 28",
    "Deconvolution3D": f"{_DECONV_3D} 9 10",
    "DeconvolutionDepthWise": f"{_CONV} 18 19<18 20 21<20 5 6 7=1 9 10 28",
    "DeconvolutionDepthWise1D": f"{_CONV_1D} 18 20 5 6 7=1 9 10 28",
    "DeconvolutionDepthWise3D": f"{_DECONV_3D} 7=1 9 10",
    "DeformableConv2D": f"{_CONV} 5 6 9 10",
    "Dequantize": "0=1 1",
    "DetectionOutput": "0 1=0.05 2=300 3=100 4=0.5 5=0.1 6=0.1 7=0.2 8=0.2",
    "Dropout": "0=1",
    "ELU": "0=0.1",
    "Eltwise": "0 1",
    "Embed": "0 1 2 3 18",
    "ExpandDims": "3",
    "Fold": "1 11<1 2=1 12<2 3=1 13<3 4 14<4 15<4 16<14 20 21<20",
    "Gemm": "0=1 1=1 2 3 4 5 6 7 8 9 10 11 12 13 14 18 20 21 22",
    "GridSample": "0=1 1=1 2 3",
    "GroupNorm": "0=1 1 2=0.001 3=1",
    "InnerProduct": "0 1 2 8 9 10",
    "Interp": "0 1=1 2=1 3 4 5 6 9",
    "LRN": "0 1=5 2=1 3=0.75 4=1",
    "LSTM": "0 1 2 3 8",
    "MVN": "0 1 2=0.0001",
    "MemoryData": "0 1 2 11",
    "MultiHeadAttention": "0 1=1 2 3 4 5 6 7 18",
    "Normalize": "0 1 2=0.0001 3 4=1 9",
    "Padding": "0 1 2 3 4 5 6 7 8",
    "PixelShuffle": "0=1 1",
    "Pooling": "0 1 11<1 2=1 12<2 3 13<3 14<3 15<13 4 5 6 7 8 18<8",
    "Pooling1D": "0 1 2=1 3 14<3 4 5 6 7 8",
    "Pooling3D": "0 1 11<1 21<1 2=1 12<2 22<2 3 13<3 23<3 14<3 15<13 16<23 4 5 6 7 8 18<8 28<8",
    "Power": "0=1 1=1 2",
    "PriorBox": "0 1 2 3=0.1 4=0.1 5=0.2 6=0.2 7=1 8 9 10 11=-233 12=-233 13",
    "Proposal": "0=16 1=16 2=6000 3=300 4=0.7 5=16",
    "PSROIPooling": "0=7 1=7 2=0.0625 3",
    "Quantize": "0=1",
    "ROIAlign": "0 1 2=1 3 4 5",
    "ROIPooling": "0 1 2=1",
    "Reduction": "0 1=1 2=1 3 4 5?3",
    "Reorg": "0=1 1",
    "Requantize": "0=1 1=1 2 3 4",
    "Reshape": "0=-233 1=-233 11=-233 2=-233 6",
    "SDPA": "5 6 7 18",
    "ShuffleChannel": "0=1 1",
    "Slice": "0 1",
    "Softmax": "0 1?0",
    "Squeeze": "0 1 11 2 3",
    "Tile": "0 1=1 2",
    "Unfold": "1 11<1 2=1 12<2 3=1 13<3 4 14<4 15<4 16<14 18",
    "YoloDetectionOutput": "0=20 1=5 2=0.01 3=0.45 4",
    "Yolov3DetectionOutput": "0=20 1=5 2=0.01 3=0.45 4 5 6",
}


# What those tools write although the file leaves it out: they compute it from other keys while they load the layer.
_FILLED_BY_TYPE: dict[str, dict[int, Callable[[Layer], ParamValue]]] = {
    "LSTM": {3: lambda layer: layer.get_int(0)},
    "MultiHeadAttention": {
        **dict.fromkeys((3, 4), lambda layer: layer.get_int(0)),
        6: lambda layer: 1 / math.sqrt(max(layer.get_int(0) // max(layer.get_int(1, 1), 1), 1)),
    },
}


@dataclass(frozen=True)
class _Key:
    """One parameter of a type: its id and when it is left out."""

    id: int
    default: float = 0.0
    inherits: int | None = None
    only_with: int | None = None

    @classmethod
    def parse(cls, text: str) -> _Key:
        for mark, field in (("<", "inherits"), ("?", "only_with")):
            if mark in text:
                key, other = text.split(mark)
                return cls(int(key), **{field: int(other)})
        key, _, default = text.partition("=")
        return cls(int(key), float(default or 0))


def format_param(layers: Iterable[Layer]) -> str:
    """Return the text of a ``.param`` file with these layers, header included."""
    layers = tuple(layers)
    blobs = {blob for layer in layers for blob in (*layer.bottoms, *layer.tops)}
    lines = [str(MAGIC), f"{len(layers)} {len(blobs)}", *(format_layer(layer) for layer in layers)]
    return "\n".join(lines) + "\n"


def format_layer(layer: Layer) -> str:
    """Return the layer's line, without its end.

    >>> format_layer(Layer("ReLU", "relu1", ("a",), ("b",), {0: 0.25}, 1))
    'ReLU                     relu1                    1 1 a b 0=2.500000e-01'
    """
    head = f"{layer.type:<24} {layer.name:<24} {len(layer.bottoms)} {len(layer.tops)}"
    return " ".join([head, *layer.bottoms, *layer.tops, *_hints(layer), *_pairs(layer)])


@cache
def _keys(layer_type: str) -> tuple[_Key, ...]:
    return tuple(_Key.parse(text) for text in _KEYS_BY_TYPE.get(layer_type, "").split())


def _hints(layer: Layer) -> Iterator[str]:
    """The shapes of the outputs, five numbers each (dimensions, w, h, d, c); old files lack the d."""
    hint = layer.params.get(_SHAPE_HINT)
    if not isinstance(hint, tuple) or not layer.tops or len(hint) % len(layer.tops):
        return
    step = len(hint) // len(layer.tops)
    shapes = [tuple(int(n) for n in hint[i : i + step]) for i in range(0, len(hint), step)]
    if step == _HINT_NUMBERS - 1:
        shapes = [(*shape[:3], 1, shape[3]) for shape in shapes]
    yield _format(_SHAPE_HINT, tuple(n for shape in shapes for n in shape))


def _pairs(layer: Layer) -> Iterator[str]:
    keys = _keys(layer.type)
    params = {key_id: compute(layer) for key_id, compute in _FILLED_BY_TYPE.get(layer.type, {}).items()}
    params |= layer.params
    for key in keys:
        if key.id in params and not _is_default(key, params, keys):
            yield _format(key.id, params[key.id])
    known = {key.id for key in keys} | {_SHAPE_HINT}
    for key_id in sorted(set(layer.params) - known):
        yield _format(key_id, layer.params[key_id])


def _is_default(key: _Key, params: Mapping[int, ParamValue], keys: tuple[_Key, ...]) -> bool:
    value = params[key.id]
    if isinstance(value, str | tuple):
        return not value
    if key.only_with is not None:
        return not params.get(key.only_with)
    default = key.default if key.inherits is None else _effective(key.inherits, params, keys)
    return bool(np.float32(value) == np.float32(default))


def _effective(key_id: int, params: Mapping[int, ParamValue], keys: tuple[_Key, ...]) -> float:
    value = params.get(key_id)
    if isinstance(value, int | float):
        return value
    key = next(key for key in keys if key.id == key_id)
    return key.default if key.inherits is None else _effective(key.inherits, params, keys)


def _format(key_id: int, value: ParamValue) -> str:
    if isinstance(value, tuple):
        return f"{_ARRAY_BASE - key_id}={','.join([str(len(value)), *(_number(item) for item in value)])}"
    return f'{key_id}="{value}"' if isinstance(value, str) else f"{key_id}={_number(value)}"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{np.float32(value):e}"
