"""The float and the int8 net of two ONNX files side by side: what every layer gives, in both and alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import onnx
from onnx import helper

from pytest_quant.nets.base import Array
from pytest_quant.nets.given import AnyArray, Given
from pytest_quant.nets.graph_runner import GraphRunner
from pytest_quant.nets.onnxruntime.format import OnnxruntimeFormat
from pytest_quant.nets.onnxruntime.operator_form import as_qdq
from pytest_quant.nets.onnxruntime.pairing import (
    IndexedGraph,
    OnnxLayer,
    OnnxPairing,
    boundaries_of,
    group_of,
    pair_graphs,
    weights_of,
)
from pytest_quant.nets.onnxruntime.probe_graphs import (
    change_of,
    changeable,
    each_alone,
    given_of,
    readable,
    real_name,
    with_outputs,
)
from pytest_quant.nets.onnxruntime.session import OnnxSession
from pytest_quant.spec.errors import ModelFileError, QuantError
from pytest_quant.spec.net import ModelNet
from pytest_quant.spec.text import shown

_REALS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
_PROTOBUF_BYTES = 2**31 - 1
_PRODUCTS = frozenset({"Gemm", "MatMul", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"})


@dataclass(frozen=True)
class ProbedLayer:
    """What one layer gave on one input."""

    expected: Array
    """In the float net."""
    accumulated: Array
    """In the int8 net."""
    alone: Array
    """The int8 layer, fed what the float net has."""


class OnnxPair:
    """The two files, read and matched; threads share it and each `open` sessions of their own."""

    def __init__(self, fp32: ModelNet, int8: ModelNet) -> None:
        """Raises `QuantError` where no quantized layer has a counterpart, `ModelFileError` for a damaged file."""
        self.nets = fp32, int8
        self._form = OnnxruntimeFormat()
        float_model, int8_model = (self._model(net) for net in self.nets)
        self.int8_model = as_qdq(int8_model)
        self.float_model = float_model
        self.types, int8_types = (self._types(*given) for given in ((fp32, float_model), (int8, self.int8_model)))
        self.fp32 = IndexedGraph(float_model.graph, frozenset(self.types))
        self.int8 = IndexedGraph(self.int8_model.graph, frozenset(int8_types))
        self.pairing: OnnxPairing = pair_graphs(self.fp32, self.int8)
        if not any(layer.is_quantized for layer in self.pairing.layers):
            raise QuantError(self._nothing_matches())

    def _model(self, net: ModelNet) -> onnx.ModelProto:
        self._form.inspect(net)  # whatever is wrong with the file or the entry is found here
        model = onnx.load(net.entry.file)
        if model.ByteSize() > _PROTOBUF_BYTES:
            raise ModelFileError(f"{shown(net.entry.file)}: has 2 GB or more, which a layer diagnosis cannot hold")
        return model

    def _types(self, net: ModelNet, model: onnx.ModelProto) -> dict[str, int]:
        """Tensors that hold real numbers, with their types, as the runtime tells them."""
        names = [name for node in model.graph.node for name in node.output if name]
        session = OnnxSession(net.entry.file, with_outputs(model, names).SerializeToString())
        kinds = {name: _REALS[kind] for name, kind in session.output_types().items() if kind in _REALS}
        session.close()
        return {name: helper.np_dtype_to_tensor_dtype(np.dtype(kind)) for name, kind in kinds.items()}

    def _nothing_matches(self) -> str:
        fp32, int8 = (shown(net.entry.file) for net in self.nets)
        if not self._form.read(self.nets[1]).quantized:
            return f"{int8} has no quantized layer: there is no error of quantization to look for"
        return (
            f"layers cannot be compared: no tensor that a quantized layer of {int8} writes is one of {fp32}, and their "
            "convolutions and matrix products are not the same in number and order. Name as the float net the file "
            "that the int8 one was made from"
        )

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """The float tensors that are compared."""
        return tuple(layer.tensor for layer in self.pairing.layers)

    @cached_property
    def changes(self) -> dict[str, int]:
        """The same with their types."""
        return {name: self.types[name] for name in self.tensors}

    def runner(self, net: ModelNet) -> GraphRunner:
        """What feeds a net and reads its outputs, around a session of the file as it is."""
        found = self._form.open(net)
        assert isinstance(found, GraphRunner)  # noqa: S101 - the format opens no other
        return found

    def open(self) -> OnnxProbe:
        """Load the graphs, for one thread."""
        return OnnxProbe(self)


class OnnxProbe:
    """Runs inputs through the loaded graphs; for one thread."""

    def __init__(self, pair: OnnxPair) -> None:
        self._pair = pair
        layers = pair.pairing.layers
        self._runners = [pair.runner(net) for net in pair.nets]
        fp32_file, int8_file = (net.entry.file for net in pair.nets)
        self._ends = [[port.name for port in runner.ports] for runner in self._runners]
        graphs = (
            (fp32_file, changeable(pair.float_model, pair.changes, [*self._ends[0], *pair.tensors])),
            (int8_file, readable(pair.int8_model, pair.int8, layers)),
            (int8_file, each_alone(pair.int8_model, pair.int8, layers, pair.types)),
        )
        self._fp32, self._int8, self._alone = (OnnxSession(file, made.SerializeToString()) for file, made in graphs)

    def ends(self, tensor: Given) -> tuple[list[Array], list[Array]]:
        """The outputs of the float and of the int8 net."""
        expected = self._float(tensor, {}, self._ends[0])
        found = self._int8.run(self._runners[1].feeds(tensor), self._ends[1])
        return [_as_float(one) for one in expected], [_as_float(one) for one in found]

    def layers(self, tensor: Given) -> Iterator[tuple[OnnxLayer, ProbedLayer]]:
        """What every layer gives, in the order of the int8 file."""
        layers = self._pair.pairing.layers
        names = [real_name(layer) for layer in layers]
        expected = dict(zip(self._pair.tensors, self._float(tensor, {}, self._pair.tensors), strict=True))
        found = self._int8.run(self._runners[1].feeds(tensor), names)
        given = {given_of(name): value for name, value in expected.items()} | dict(self._runners[1].feeds(tensor))
        alone = self._alone.run({name: given[name] for name in self._alone.inputs() if name in given}, names)
        for layer, accumulated, own in zip(layers, found, alone, strict=True):
            arrays = (expected[layer.tensor], accumulated, own)
            for array in arrays[1:]:
                if array.shape != arrays[0].shape:
                    raise QuantError(self._other_shape(layer, arrays[0], array))
            yield layer, ProbedLayer(*map(_as_float, arrays))

    def ends_with(self, tensor: Given, layer: OnnxLayer, found: ProbedLayer) -> list[Array]:
        """The outputs of the float net with the values of one int8 layer in it."""
        changed = self._float(tensor, {layer.tensor: found.alone - found.expected}, self._ends[0])
        return [_as_float(one) for one in changed]

    def macs(self, tensor: Given) -> list[int | None]:
        """Multiply-accumulates of every layer, for an input of this size; None where they are not counted."""
        indexed, layers = self._pair.int8, self._pair.pairing.layers
        boundaries = boundaries_of(indexed, {layer.written: layer.tensor for layer in layers})
        shapes = [value.shape for value in self._float(tensor, {}, self._pair.tensors)]
        found = []
        for layer, shape in zip(layers, shapes, strict=True):
            group = group_of(indexed, layer.written, boundaries)
            main = next((node for node in group if node.op_type == layer.type), group[0])
            found.append(_macs(layer.type, weights_of(indexed, main), shape))
        return found

    def close(self) -> None:
        """Free the nets."""
        for runner in self._runners:
            runner.close()
        for session in (self._fp32, self._int8, self._alone):
            session.close()

    def _float(self, tensor: Given, changes: Mapping[str, AnyArray], outputs: Sequence[str]) -> list[AnyArray]:
        zeros = {
            change_of(name): np.asarray(changes.get(name, 0), helper.tensor_dtype_to_np_dtype(kind))
            for name, kind in self._pair.changes.items()
        }
        return self._fp32.run({**self._runners[0].feeds(tensor), **zeros}, outputs)

    def _other_shape(self, layer: OnnxLayer, expected: AnyArray, found: AnyArray) -> str:
        fp32, int8 = (shown(net.entry.file) for net in self._pair.nets)
        return (
            f"tensor {layer.tensor!r} has the shape {expected.shape} in {fp32} and {found.shape} in {int8}: these are "
            "not the float and the int8 version of one net"
        )


def _as_float(array: AnyArray) -> Array:
    return np.asarray(array, np.float32)


def _macs(kind: str, weights: Sequence[int] | None, shape: Sequence[int]) -> int | None:
    if not weights or not shape:
        return None
    if kind in ("Conv", "ConvInteger"):  # each weight is used once per place of the kernel
        return prod(weights) * prod(shape[2:])
    return prod(weights) * prod(shape) // shape[-1] if kind in _PRODUCTS and shape[-1] else None
