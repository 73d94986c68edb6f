"""Which layers of an OpenVINO graph compute in int8: their inputs come through FakeQuantize or from low precision."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.nets.layers import Layer, QuantizedLayers
from pytest_quant.nets.openvino.ir import IrGraph, IrLayer, IrPort

_LAYERS = {
    "Convolution": "Convolution",
    "GroupConvolution": "GroupConvolution",
    "ConvolutionBackpropData": "ConvolutionBackpropData",
    "GroupConvolutionBackpropData": "GroupConvolutionBackpropData",
    "MatMul": "MatMul",
}
_LOW = frozenset({"I8", "U8", "I4", "U4"})
_PASS_ON = frozenset(
    {
        *("Reshape", "Transpose", "Squeeze", "Unsqueeze", "MaxPool", "Pad", "Concat", "Split", "VariadicSplit"),
        *("StridedSlice", "Slice", "Gather", "ShuffleChannels", "DepthToSpace", "SpaceToDepth", "Broadcast", "Tile"),
    }
)
"""They give values that they are given, so what is on a grid before them is on it after them."""
_DEPTH = 100


def quantized_layers(graph: IrGraph) -> QuantizedLayers:
    """The convolutions and matrix products of a graph."""
    return QuantizedLayers.of(_layers(graph))


def _layers(graph: IrGraph) -> Iterator[Layer]:
    for layer in graph.layers.values():
        kind = _LAYERS.get(layer.type)
        if kind is not None:
            yield Layer(kind, layer.name, _form(graph, layer))


def _form(graph: IrGraph, layer: IrLayer) -> str:
    """How a layer is quantized; empty for one that is not."""
    data, weights = (_is_low(graph, graph.source(layer, index)) for index in (0, 1))
    if data and weights:
        return "FakeQuantize"
    return "weights only" if weights else ""


def _is_low(graph: IrGraph, found: tuple[IrLayer, IrPort] | None) -> bool:
    """Whether values are on the grid of a few bits: after FakeQuantize, or scaled integers."""
    for _ in range(_DEPTH):
        if found is None:
            return False
        layer, port = found
        if layer.type == "FakeQuantize" or port.precision in _LOW:
            return True
        if layer.type in ("Multiply", "Subtract"):
            return _is_dequantized(graph, layer)
        if layer.type not in (*_PASS_ON, "Convert"):
            return False
        found = graph.source(layer, 0)
    return False


def _is_dequantized(graph: IrGraph, layer: IrLayer) -> bool:
    """Whether integers become real numbers here: Convert, perhaps Subtract of the zero point, Multiply by the scale."""
    for _ in range(_DEPTH):
        found = graph.source(layer, 0)
        if found is None:
            return False
        layer, port = found
        if layer.type == "Convert":
            return port.precision not in _LOW and _is_low(graph, graph.source(layer, 0))
        if layer.type not in ("Multiply", "Subtract", *_PASS_ON):
            return False
    return False
