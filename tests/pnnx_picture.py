"""A runnable ONNX model from pnnx's picture of a graph (``NAME.pnnx.onnx``), for the operators of a CIFAR ResNet.

The picture has torch's names for operators and the weights as initializers; what is missing is what a runtime needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

OPSET = 17


def runnable(picture: Path, shape: Sequence[int | str]) -> onnx.ModelProto:
    """The model of a picture with one input ``input`` of ``shape`` and one output ``output``, checked."""
    drawn = onnx.load(picture).graph
    names: dict[str, str] = {}
    nodes: list[onnx.NodeProto] = []
    weights = list(drawn.initializer)
    for node in drawn.node:
        attributes = {found.name: helper.get_attribute_value(found) for found in node.attribute}
        inputs = [names.get(name, name) for name in node.input]
        if node.op_type == "pnnx.Input":
            names[node.output[0]] = "input"
        elif node.op_type == "pnnx.Output":
            nodes.append(helper.make_node("Identity", inputs, ["output"]))
        else:
            made, constants = _MAKERS[node.op_type](node.name, inputs, attributes)
            made.output.append(node.output[0])
            nodes.append(made)
            weights += constants
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, [shape[0], "classes"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


Made = tuple[onnx.NodeProto, list[onnx.TensorProto]]
Attributes = Mapping[str, Any]


def _conv(name: str, inputs: list[str], found: Attributes) -> Made:
    data, bias, weight = inputs
    node = helper.make_node(
        "Conv",
        [data, weight, bias],
        [],
        name=name,
        dilations=found["dilation"],
        group=found["groups"],
        kernel_shape=found["kernel_size"],
        pads=[*found["padding"], *found["padding"]],
        strides=found["stride"],
    )
    return node, []


def _linear(name: str, inputs: list[str], found: Attributes) -> Made:
    data, bias, weight = inputs
    return helper.make_node("Gemm", [data, weight, bias], [], name=name, transB=1), []


def _relu(name: str, inputs: list[str], found: Attributes) -> Made:
    return helper.make_node("Relu", inputs, [], name=name), []


def _expression(name: str, inputs: list[str], found: Attributes) -> Made:
    if found["expr"] != b"add(@0,@1)":
        raise ValueError(f"{name}: found the expression {found['expr']!r}, expected a sum of two inputs")
    return helper.make_node("Add", inputs, [], name=name), []


def _max_pool(name: str, inputs: list[str], found: Attributes) -> Made:
    pads = [*found["padding"], *found["padding"]]
    return helper.make_node(
        "MaxPool", inputs, [], name=name, kernel_shape=found["kernel_size"], strides=found["stride"], pads=pads
    ), []


def _average_pool(name: str, inputs: list[str], found: Attributes) -> Made:
    kernel = found["kernel_size"]
    return helper.make_node("AveragePool", inputs, [], name=name, kernel_shape=kernel, strides=kernel), []


def _pad(name: str, inputs: list[str], found: Attributes) -> Made:
    before, after = found["pad"][4:6]  # torch counts from the last dimension: width, height, channels
    pads = helper.make_tensor(f"{name}.pads", onnx.TensorProto.INT64, [8], [0, before, 0, 0, 0, after, 0, 0])
    return helper.make_node("Pad", [*inputs, pads.name], [], name=name), [pads]


def _reshape(name: str, inputs: list[str], found: Attributes) -> Made:
    return helper.make_node("Flatten", inputs, [], name=name), []


_MAKERS: Mapping[str, Callable[[str, list[str], Attributes], Made]] = {
    "F.avg_pool2d": _average_pool,
    "F.max_pool2d": _max_pool,
    "F.pad": _pad,
    "F.relu": _relu,
    "Tensor.reshape": _reshape,
    "nn.Conv2d": _conv,
    "nn.Linear": _linear,
    "pnnx.Expression": _expression,
}
