"""Graphs that give the values between layers: of the float net, of the int8 net, and of each int8 layer alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import onnx
from onnx import helper

from pytest_quant.nets.onnxruntime.pairing import IndexedGraph, OnnxLayer, boundaries_of, group_of, reads

_RAW, _CHANGE, _ALONE, _GIVEN = "::raw", "::change", "::alone", "::given"


def change_of(tensor: str) -> str:
    """The input of `changeable` that is added to a tensor."""
    return tensor + _CHANGE


def given_of(tensor: str) -> str:
    """The input of `each_alone` that a tensor of the float net goes to."""
    return tensor + _GIVEN


def real_name(layer: OnnxLayer) -> str:
    """The output of `readable` and `each_alone` with what a layer writes, as real numbers."""
    return layer.written + _ALONE


def with_outputs(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """A graph that gives these tensors and no others; their types are for the runtime to find."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    given = {value.name: value for value in model.graph.output}
    del made.graph.output[:]
    made.graph.output.extend(given.get(name) or onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names))
    return made


def changeable(model: onnx.ModelProto, types: Mapping[str, int], outputs: Sequence[str]) -> onnx.ModelProto:
    """The float net, to each of some tensors of which an input is added.

    ``types``: tensor to its type of element.
    """
    made = with_outputs(model, outputs)
    del made.graph.node[:]
    for node in model.graph.node:
        copy = made.graph.node.add()
        copy.CopyFrom(node)
        for place, name in enumerate(node.output):
            if name in types:
                copy.output[place] = name + _RAW
                made.graph.node.append(helper.make_node("Add", [name + _RAW, change_of(name)], [name]))
    made.graph.input.extend(helper.make_tensor_value_info(change_of(name), kind, None) for name, kind in types.items())
    return made


def readable(model: onnx.ModelProto, indexed: IndexedGraph, layers: Sequence[OnnxLayer]) -> onnx.ModelProto:
    """The int8 net, which also gives what each layer writes, as real numbers."""
    made = with_outputs(model, [*(value.name for value in model.graph.output), *map(real_name, layers)])
    for layer in layers:
        made.graph.node.extend(_real(indexed, layer, layer.written))
    return made


def each_alone(
    model: onnx.ModelProto, indexed: IndexedGraph, layers: Sequence[OnnxLayer], types: Mapping[str, int]
) -> onnx.ModelProto:
    """Every layer of the int8 net fed what the float net has, all in one graph.

    What a layer writes is made integers with it; what it reads was so by the layer that wrote it. Only the net's input
    is made integers by those that read it.
    """
    boundaries = boundaries_of(indexed, {layer.written: layer.tensor for layer in layers})
    made = with_outputs(model, [real_name(layer) for layer in layers])
    del made.graph.node[:]
    used: dict[str, None] = {}
    for number, layer in enumerate(layers):
        group = group_of(indexed, layer.written, boundaries)
        own = {name: f"{number}::{name}" for node in group for name in node.output if name}
        known = {name: given_of(boundaries[name]) for node in group for name in reads(node) if name in boundaries}
        used |= dict.fromkeys(known.values())
        order = {id(node): place for place, node in enumerate(indexed.graph.node)}
        for node in sorted(group, key=lambda one: order[id(one)]):
            made.graph.node.append(_renamed(node, known | own))
        made.graph.node.extend(_real(indexed, layer, own[layer.written], f"{number}::"))
    made.graph.input.extend(
        helper.make_tensor_value_info(name, types[name.removesuffix(_GIVEN)], None) for name in used
    )
    return made


def _real(indexed: IndexedGraph, layer: OnnxLayer, source: str, prefix: str = "") -> Iterator[onnx.NodeProto]:
    """What a layer writes, through the integers that are made of it, if any are."""
    quantizer = indexed.quantizer(layer.written)
    if quantizer is None:
        yield helper.make_node("Identity", [source], [real_name(layer)])
        return
    scales = list(quantizer.input[1:])
    attributes = [one for one in quantizer.attribute if one.name in ("axis", "block_size")]
    stored = quantizer.output[0]
    if prefix:
        stored = prefix + stored
        made = helper.make_node("QuantizeLinear", [source, *scales], [stored])
        made.attribute.extend(quantizer.attribute)
        yield made
    back = helper.make_node("DequantizeLinear", [stored, *scales], [real_name(layer)])
    back.attribute.extend(attributes)
    yield back


def _renamed(node: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    """A node that reads and writes other names, inside its graphs too."""
    made = onnx.NodeProto()
    made.CopyFrom(node)
    made.name = ""
    made.input[:] = [names.get(name, name) for name in node.input]
    made.output[:] = [names.get(name, name) for name in node.output]
    for attribute in made.attribute:
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            nodes = [_renamed(one, names) for one in inner.node]
            del inner.node[:]
            inner.node.extend(nodes)
    return made
