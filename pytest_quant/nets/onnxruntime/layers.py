"""Which layers of an ONNX graph compute in int8, in each of the forms that quantization takes there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx

from pytest_quant.nets.layers import Layer, QuantizedLayers

_LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_OPERATORS = {"QLinearConv": "Conv", "QLinearMatMul": "MatMul", "QGemm": "Gemm", "QLinearGemm": "Gemm"}
_DYNAMIC = {
    "ConvInteger": "Conv",
    "MatMulInteger": "MatMul",
    "MatMulIntegerToFloat": "MatMul",
    "DynamicQuantizeMatMul": "MatMul",
    "DynamicQuantizeLSTM": "LSTM",
}
_PASS_ON = frozenset({"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})
"""They give the values that they are given."""


def quantized_layers(graph: onnx.GraphProto) -> QuantizedLayers:
    """The convolutions and matrix products, by type of operator as a float graph has it."""
    return QuantizedLayers.of(_layers(graph))


def _layers(graph: onnx.GraphProto) -> Iterator[Layer]:
    producers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        kind = _OPERATORS.get(node.op_type) or _DYNAMIC.get(node.op_type) or node.op_type
        form = _form(node, producers)
        if kind in _LAYERS or form:
            yield Layer(kind, node.name or node.output[0], form)


def _form(node: onnx.NodeProto, producers: Mapping[str, onnx.NodeProto]) -> str:
    """How a node is quantized; empty for one that is not."""
    if node.op_type in _OPERATORS:
        return "quantized operators"
    if node.op_type in _DYNAMIC:
        return "dynamic"
    if node.op_type not in _LAYERS:
        return ""
    data, weights = (_is_dequantized(name, producers) for name in node.input[:2])
    if data and weights:
        return "QDQ"
    return "weights only" if weights else ""


def _is_dequantized(name: str, producers: Mapping[str, onnx.NodeProto]) -> bool:
    node = producers.get(name)
    while node is not None and node.op_type in _PASS_ON:
        node = producers.get(node.input[0])
    return node is not None and node.op_type == "DequantizeLinear"
