"""Which layers of an ONNX graph compute in int8, in each of the forms that quantization takes there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import onnx

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


@dataclass(frozen=True)
class OnnxLayers:
    """The convolutions and matrix products of a graph, by type of operator as a float graph has it."""

    quantized: Mapping[str, int]
    quantizable: Mapping[str, int]
    """All of them, the quantized ones included."""
    form: str
    """``QDQ``, ``quantized operators``, ``dynamic``, ``weights only``, or several of them."""


def quantized_layers(graph: onnx.GraphProto) -> OnnxLayers:
    """Find the layers that are computed from int8 values, or whose weights are."""
    producers = {output: node for node in graph.node for output in node.output}
    quantized: Counter[str] = Counter()
    total: Counter[str] = Counter()
    forms: dict[str, None] = {}
    for node in graph.node:
        name = _OPERATORS.get(node.op_type) or _DYNAMIC.get(node.op_type) or node.op_type
        form = _form(node, producers)
        if name in _LAYERS or form:
            total[name] += 1
        if form:
            quantized[name] += 1
            forms[form] = None
    return OnnxLayers(dict(sorted(quantized.items())), dict(sorted(total.items())), " and ".join(forms))


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
