"""The operator form of an int8 ONNX graph (QLinearConv, ...) as the QDQ form, in which every tensor can be read.

Values stay what they are: a quantized operator is defined as its float operator between DequantizeLinear and
QuantizeLinear, and ONNX Runtime runs the same kernel for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

_PER_CHANNEL_OPSET = 13
"""From which DequantizeLinear takes a scale for each channel."""

Triple = tuple[str, str, str]
"""A tensor of integers, its scale and its zero point."""


@dataclass(frozen=True)
class _Form:
    """Where an operator has its inputs: of triples the first place, of the output's scale the place."""

    op: str
    data: tuple[int, ...]
    scale: int
    bias: int | None = None


_FORMS = {
    "QLinearConv": _Form("Conv", (0, 3), 6, bias=8),
    "QLinearMatMul": _Form("MatMul", (0, 3), 6),
    "QGemm": _Form("Gemm", (0, 3), 7, bias=6),
    "QLinearAdd": _Form("Add", (0, 3), 6),
    "QLinearMul": _Form("Mul", (0, 3), 6),
    "QLinearGlobalAveragePool": _Form("GlobalAveragePool", (0,), 3),
    "QLinearAveragePool": _Form("AveragePool", (0,), 3),
    "QLinearLeakyRelu": _Form("LeakyRelu", (0,), 3),
    "QLinearSigmoid": _Form("Sigmoid", (0,), 3),
    "QLinearConcat": _Form("Concat", (), 0),
}


def as_qdq(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same net with float operators between QuantizeLinear and DequantizeLinear.

    Names of integer tensors and of nodes stay. An operator whose bias has no scale that the file tells, or that needs
    a newer opset, stays as it is.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    opset = max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=0)
    del made.graph.node[:]
    for number, node in enumerate(model.graph.node):
        made.graph.node.extend(_Rewriting(made.graph, constants, opset, f"qdq::{number}").nodes(node))
    return made


@dataclass(frozen=True)
class _Rewriting:
    """Of one node; constants that it needs are added to the graph."""

    graph: onnx.GraphProto
    constants: Mapping[str, onnx.TensorProto]
    opset: int
    prefix: str

    def nodes(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        form = _FORMS.get(node.op_type)
        if form is None or not self._is_told(node, form):
            yield node
            return
        inputs = []
        for place, triple in enumerate(_triples(node, form)):
            inputs.append(f"{self.prefix}::{place}")
            back = helper.make_node("DequantizeLinear", _given(triple), [inputs[-1]])
            back.attribute.extend([helper.make_attribute("axis", _axis(node))] if place == 1 else [])
            yield back
        bias = node.input[form.bias] if form.bias is not None and len(node.input) > form.bias else ""
        if bias:
            inputs.append(f"{self.prefix}::bias")
            scale = self._constant("bias_scale", np.asarray(self._bias_scale(node), np.float32))
            back = helper.make_node("DequantizeLinear", [bias, scale], [inputs[-1]])
            back.attribute.append(helper.make_attribute("axis", 0))
            yield back
        written = f"{node.output[0]}_QuantizeLinear_Input"
        real = helper.make_node(form.op, inputs, [written], name=node.name)
        real.attribute.extend(one for one in node.attribute if one.name != "channels_last")
        yield real
        scale, zero = (node.input[form.scale], node.input[form.scale + 1])
        yield helper.make_node("QuantizeLinear", [written, scale, zero] if zero else [written, scale], node.output)

    def _is_told(self, node: onnx.NodeProto, form: _Form) -> bool:
        """Whether the scales are constants, for one channel or of a graph that may have one for each."""
        if any(one.name == "channels_last" and one.i for one in node.attribute):
            return False
        scales = [self.constants.get(scale) for _, scale, _ in _triples(node, form)]
        if any(scale is None for scale in scales) or len(node.input) <= form.scale + 1:
            return False
        is_one = all(scale is None or int(np.prod(scale.dims)) == 1 for scale in scales)
        return is_one or self.opset >= _PER_CHANNEL_OPSET

    def _bias_scale(self, node: onnx.NodeProto) -> NDArray[np.float32]:
        """The product of the scales of data and weights, for one channel or for each."""
        data, weights = (numpy_helper.to_array(self.constants[node.input[place]]) for place in (1, 4))
        product = np.float32(data.reshape(-1)[0]) * weights.astype(np.float32).reshape(-1)
        return np.asarray(product if product.size > 1 else product[0], np.float32)

    def _constant(self, what: str, value: NDArray[np.float32]) -> str:
        name = f"{self.prefix}::{what}"
        self.graph.initializer.append(numpy_helper.from_array(value, name))
        return name


def _triples(node: onnx.NodeProto, form: _Form) -> list[Triple]:
    starts: Sequence[int] = form.data or range(2, len(node.input), 3)
    return [(node.input[at], node.input[at + 1], node.input[at + 2]) for at in starts]


def _axis(node: onnx.NodeProto) -> int:
    """Along which a scale for each output channel stands in the weights."""
    if node.op_type == "QLinearConv":
        return 0
    if node.op_type == "QGemm" and any(one.name == "transB" and one.i for one in node.attribute):
        return 0
    return 1


def _given(names: Sequence[str]) -> list[str]:
    return [name for name in names if name]
