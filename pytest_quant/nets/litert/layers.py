"""Which layers of a `.tflite` graph compute in int8: by the types of their tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_quant.nets.layers import Layer, QuantizedLayers
from pytest_quant.nets.litert.tables import GraphTables, OperatorTable

_DEQUANTIZE = 6
_NAMES = (
    (3, "CONV_2D"),
    (4, "DEPTHWISE_CONV_2D"),
    (9, "FULLY_CONNECTED"),
    (16, "LSTM"),
    (24, "RNN"),
    (27, "SVDF"),
    (35, "UNIDIRECTIONAL_SEQUENCE_RNN"),
    (44, "UNIDIRECTIONAL_SEQUENCE_LSTM"),
    (52, "BIDIRECTIONAL_SEQUENCE_LSTM"),
    (67, "TRANSPOSE_CONV"),
    (126, "BATCH_MATMUL"),
    (132, "CONV_3D"),
)
"""Operator codes and what they are called."""
_LAYERS = dict(_NAMES)
_PLACES = {16: (0, 2), 44: (0, 2), 52: (0, 2), 67: (2, 1)}
"""Where data and weights stand among the inputs, if not first and second."""
_INTEGERS = frozenset({"int8", "uint8", "int4", "uint4", "int2"})


def quantized_layers(graph: GraphTables) -> QuantizedLayers:
    """The convolutions, matrix products and recurrent layers of a graph."""
    return QuantizedLayers.of(_layers(graph))


def _layers(graph: GraphTables) -> Iterator[Layer]:
    producers = {index: found for found in graph.operators for index in found.outputs}
    for found in graph.operators:
        kind = _LAYERS.get(found.code)
        if kind is not None:
            name = graph.tensors[found.outputs[0]].name if found.outputs else kind
            yield Layer(kind, name, _form(graph, found, producers))


def _form(graph: GraphTables, layer: OperatorTable, producers: Mapping[int, OperatorTable]) -> str:
    """How a layer is quantized; empty for one that is not."""
    places = _PLACES.get(layer.code, (0, 1))
    data, weights = (layer.inputs[place] if place < len(layer.inputs) else -1 for place in places)
    if weights < 0 or data < 0:
        return ""
    stored = _stored(graph, weights, producers)
    if stored not in _INTEGERS:
        return ""
    given = graph.tensors[data].dtype
    if given in _INTEGERS:
        return "full integer"
    if given == "int16":
        return "int16x8"
    return "dynamic" if graph.tensors[weights].dtype in _INTEGERS else "weights only"


def _stored(graph: GraphTables, tensor: int, producers: Mapping[int, OperatorTable]) -> str:
    """The type in which weights are stored: those that are made real before the layer are not computed with."""
    producer = producers.get(tensor)
    if producer is not None and producer.code == _DEQUANTIZE and producer.inputs:
        return graph.tensors[producer.inputs[0]].dtype
    return graph.tensors[tensor].dtype
