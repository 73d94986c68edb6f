"""Which layer of an int8 ONNX graph is which of the float graph that it was made from: by the tensor that it writes.

onnxruntime's quantizer keeps the names of float tensors and puts suffixes behind those that it makes. Where the names
differ, the convolutions and matrix products are matched in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

import onnx

_SUFFIXES = (
    "_QuantizeLinear_Input",
    "_QuantizeLinear_Output",
    "_DequantizeLinear_Output",
    "_dequantized",
    "_quantized",
)
_QUANTIZERS = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
_KINDS = {
    "Conv": "Conv",
    "ConvInteger": "Conv",
    "QLinearConv": "Conv",
    "ConvTranspose": "ConvTranspose",
    "Gemm": "Gemm",
    "MatMul": "MatMul",
    "QLinearMatMul": "MatMul",
    "MatMulInteger": "MatMul",
    "MatMulIntegerToFloat": "MatMul",
    "DynamicQuantizeMatMul": "MatMul",
    "DynamicQuantizeLSTM": "LSTM",
    "LSTM": "LSTM",
}
_CLAMPS = frozenset({"Relu", "Clip"})
"""They are dropped where the zero point of what is written does the same."""


class IndexedGraph:
    """A graph with who writes and who reads each tensor."""

    def __init__(self, graph: onnx.GraphProto, real: frozenset[str]) -> None:
        """``real``: its tensors that hold real numbers."""
        self.graph = graph
        self.real = real
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = tuple(value.name for value in graph.input if value.name not in self.constants)
        self.writer = {name: node for node in graph.node for name in node.output if name}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in dict.fromkeys(reads(node)):
                self.readers.setdefault(name, []).append(node)

    @cached_property
    def main_layers(self) -> list[onnx.NodeProto]:
        """Convolutions and matrix products, in the order of the file."""
        return [node for node in self.graph.node if node.op_type in _KINDS]

    def quantizer(self, name: str) -> onnx.NodeProto | None:
        """The node that makes integers of a tensor, if there is one."""
        return next((node for node in self.readers.get(name, ()) if node.op_type == "QuantizeLinear"), None)


def reads(node: onnx.NodeProto) -> Iterator[str]:
    """What a node reads, graphs inside it included."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            own = {tensor.name for tensor in inner.initializer} | {value.name for value in inner.input}
            for one in inner.node:
                yield from (name for name in reads(one) if name not in own)
                own.update(one.output)


@dataclass(frozen=True)
class OnnxLayer:
    """A layer of the int8 graph and the float tensor that it writes, too."""

    name: str
    type: str
    tensor: str
    """In the float graph."""
    written: str
    """In the int8 graph, before it is made integers."""
    is_quantized: bool


@dataclass(frozen=True)
class OnnxPairing:
    """What could be matched, in the order of the int8 file, and the layers of it that could not."""

    layers: tuple[OnnxLayer, ...]
    unmatched: tuple[str, ...]


def pair_graphs(fp32: IndexedGraph, int8: IndexedGraph) -> OnnxPairing:
    """Match the layers of two graphs; the int8 one in QDQ form where it has one, see `operator_form`."""
    found = _by_name(fp32, int8)
    matched = sum(any(name in found for name in _behind(int8, node)) for node in int8.main_layers)
    if 2 * matched < len(int8.main_layers):
        found = _by_order(fp32, int8) | found
    boundaries = boundaries_of(int8, found)
    taken: set[str] = set()
    layers: list[OnnxLayer] = []
    covered: set[int] = set()
    for written, tensor in found.items():
        group = group_of(int8, written, boundaries)
        covered.update(id(node) for node in group)
        main = next((node for node in group if node.op_type in _KINDS), group[0])
        name = main.name if main.name and main.name not in taken else written
        taken.add(name)
        is_quantized = int8.quantizer(written) is not None or any(
            node.op_type in _QUANTIZERS or _KINDS.get(node.op_type, node.op_type) != node.op_type for node in group
        )
        layers.append(OnnxLayer(name, main.op_type, tensor, written, is_quantized))
    unmatched = [node.name or node.output[0] for node in int8.main_layers if id(node) not in covered]
    return OnnxPairing(tuple(layers), tuple(unmatched))


def _by_name(fp32: IndexedGraph, int8: IndexedGraph) -> dict[str, str]:
    """Tensor of the int8 graph to that of the float graph, one for each node."""
    found: dict[str, str] = {}
    for node in int8.graph.node:
        written = node.output[0]
        if node.op_type in _QUANTIZERS or not node.input or written not in int8.real:
            continue
        name = next((base for base in _base_names(written) if base in fp32.writer), None)
        if name in fp32.real and name not in found.values() and fp32.writer[name].input:
            found[written] = name
    known = {base for name in int8.writer for base in _base_names(name)}
    return {written: _clamped(fp32, name, known) for written, name in found.items()}


def _clamped(fp32: IndexedGraph, name: str, known: AbstractSet[str]) -> str:
    """The tensor behind an activation that the int8 graph lacks, where its zero point clamps the same."""
    readers = fp32.readers.get(name, [])
    is_dropped = len(readers) == 1 and readers[0].op_type in _CLAMPS and readers[0].output[0] not in known
    return str(readers[0].output[0]) if is_dropped else name


def _base_names(name: str) -> Iterator[str]:
    """A name and what is left of it without what quantizers put behind it."""
    yield name
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            yield from _base_names(name.removesuffix(suffix))


def _by_order(fp32: IndexedGraph, int8: IndexedGraph) -> dict[str, str]:
    """The k-th convolution or product of one to that of the other, where both have the same ones in that order."""
    kinds = [
        [(_KINDS[node.op_type], sorted(weights_of(graph, node) or ())) for node in graph.main_layers]
        for graph in (fp32, int8)
    ]
    if kinds[0] != kinds[1]:
        return {}
    found = {}
    for real, node in zip(fp32.main_layers, int8.main_layers, strict=True):
        tensor, written = real.output[0], next((name for name in _behind(int8, node) if name in int8.real), "")
        if not written:
            continue
        readers = fp32.readers.get(tensor, [])
        is_dropped = len(readers) == 1 and readers[0].op_type in _CLAMPS
        if is_dropped and not any(one.op_type in _CLAMPS for one in int8.readers.get(written, [])):
            tensor = readers[0].output[0]
        found[written] = tensor
    return found


def _behind(graph: IndexedGraph, node: onnx.NodeProto) -> Iterator[str]:
    """What a layer writes, and what is made of that alone: sums of integers are scaled by nodes of their own."""
    name: str = node.output[0]
    for _ in range(6):
        yield name
        readers = graph.readers.get(name, [])
        if len(readers) != 1 or readers[0].op_type in _KINDS:
            return
        name = readers[0].output[0]


def boundaries_of(int8: IndexedGraph, found: Mapping[str, str]) -> dict[str, str]:
    """Tensor of the int8 graph to the float tensor whose values it holds: what is written, and what is read again."""
    held = dict(found)
    for written, tensor in found.items():
        for node in int8.readers.get(written, ()):
            if node.op_type == "QuantizeLinear":
                readers = int8.readers.get(node.output[0], ())
                held |= {one.output[0]: tensor for one in readers if one.op_type == "DequantizeLinear"}
    return held


def group_of(int8: IndexedGraph, written: str, boundaries: Mapping[str, str]) -> list[onnx.NodeProto]:
    """The nodes that make a tensor from those that the float graph has, too; its own writer first."""
    group = [int8.writer[written]]
    for node in group:  # grows
        for name in reads(node):
            writer = int8.writer.get(name)
            if name not in boundaries and writer is not None and not any(writer is one for one in group):
                group.append(writer)
    return group


def weights_of(graph: IndexedGraph, node: onnx.NodeProto) -> Sequence[int] | None:
    """The shape of a layer's weights; None where they are no constant."""
    if len(node.input) < 2:
        return None
    name = node.input[1]
    while name in graph.writer and graph.writer[name].input:
        name = graph.writer[name].input[0]
    tensor = graph.constants.get(name)
    return None if tensor is None else tuple(tensor.dims)
