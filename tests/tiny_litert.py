"""The net of `tests.tiny` as `.tflite` files, channels last: float and quantized in the ways that converters write.

It takes the extra `litert`, whose schema writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tests import tiny, tiny_arrays

Form = Literal["float", "int8", "int16x8", "dynamic"]

_TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int16": 7, "int8": 9, "int64": 4}
ADD, CONV_2D, DEQUANTIZE, FULLY_CONNECTED, SOFTMAX, CUSTOM, GATHER, MEAN = 0, 3, 6, 9, 25, 32, 36, 40
_SCORE_STEP = 8 / 127


@dataclass(frozen=True)
class Steps:
    """What integers stand for."""

    scale: Sequence[float]
    zero: int = 0
    axis: int = 0


def write_tflite(
    folder: Path,
    name: str = "tiny.tflite",
    *,
    form: Form = "float",
    scale: float = 1 / 127,
    zero: int = 0,
    custom: str = "",
    open_size: bool = False,
    signature: bool = False,
) -> str:
    """Write the net and give its name; ``scale`` and ``zero`` are the input's, ``custom`` replaces the softmax."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    net = _Net(schema)
    inner = {"float": "float32", "dynamic": "float32", "int8": "int8", "int16x8": "int16"}[form]
    steps = None if inner == "float32" else Steps([scale if inner == "int8" else scale / 256], zero)
    shape = [1, 1, 1, 3] if open_size else [1, tiny.SIDE, tiny.SIDE, 3]
    image = net.tensor("image", shape, inner, steps=steps)
    if open_size:
        net.tensors[image].shapeSignature = [1, -1, -1, 3]
    weights, bias = _weights(net, form, steps)
    maps = net.tensor("maps", [*shape[:3], tiny.CLASSES], inner, steps=_out(inner))
    conv = schema.Conv2DOptionsT()
    conv.strideH = conv.strideW = conv.dilationHFactor = conv.dilationWFactor = 1
    net.operator(CONV_2D, [image, weights, bias], maps, schema.BuiltinOptions.Conv2DOptions, conv)
    axes = net.tensor("axes", [2], "int32", np.array([1, 2], np.int32))
    scores = net.tensor("scores", [1, tiny.CLASSES], inner, steps=_out(inner))
    net.operator(MEAN, [maps, axes], scores, schema.BuiltinOptions.ReducerOptions, schema.ReducerOptionsT())
    last = {"float32": None, "int8": Steps([1 / 256], -128), "int16": Steps([1 / 32768])}[inner]
    prob = net.tensor("probabilities", [1, tiny.CLASSES], inner, steps=last)
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    if custom:
        net.operator(CUSTOM, [scores], prob, custom=custom)
    else:
        net.operator(SOFTMAX, [scores], prob, schema.BuiltinOptions.SoftmaxOptions, softmax)
    builder = flatbuffers.Builder(1024)
    builder.Finish(net.model([image], [prob], signature).Pack(builder), file_identifier=b"TFL3")
    (folder / name).write_bytes(bytes(builder.Output()))
    return name


def write_features_and_ids(folder: Path, name: str = "two.tflite", *, int8: bool = False) -> str:
    """The net of `tests.tiny_arrays`: features (1, 4, 4, 3), channels last, and int32 ids (1, steps).

    ``int8``: features come as integers with a scale, and the convolution computes with them.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    net, size, step = _Net(schema), tiny_arrays.SIZE, 1 / tiny_arrays.SCALE
    kind = "int8" if int8 else "float32"
    features = net.tensor("features", [1, 4, 4, 3], kind, steps=Steps([step]) if int8 else None)
    ids = net.tensor("token_ids", [1, tiny_arrays.STEPS], "int32")
    weights = tiny_arrays.WEIGHTS.reshape(size, 1, 1, 3)
    if int8:
        sizes = np.abs(weights).max(axis=(1, 2, 3)) / 127
        held = Steps([float(one) for one in sizes])
        stored = np.round(weights / sizes[:, None, None, None]).astype(np.int8)
        given = [net.tensor("w", weights.shape, "int8", stored, steps=held)]
        bias = np.round(tiny_arrays.BIAS / (sizes * step)).astype(np.int32)
        given.append(net.tensor("b", bias.shape, "int32", bias, steps=Steps([float(one) for one in sizes * step])))
    else:
        given = [net.tensor("w", weights.shape, kind, weights), net.tensor("b", [size], kind, tiny_arrays.BIAS)]
    conv = schema.Conv2DOptionsT()
    conv.strideH = conv.strideW = conv.dilationHFactor = conv.dilationWFactor = 1
    maps = net.tensor("maps", [1, 4, 4, size], kind, steps=Steps([8 / 127]) if int8 else None)
    net.operator(CONV_2D, [features, *given], maps, schema.BuiltinOptions.Conv2DOptions, conv)
    if int8:
        real = net.tensor("real", [1, 4, 4, size], "float32")
        net.operator(DEQUANTIZE, [maps], real, schema.BuiltinOptions.DequantizeOptions, schema.DequantizeOptionsT())
        maps = real
    scores = _scored(net, maps, ids)
    builder = flatbuffers.Builder(1024)
    builder.Finish(net.model([features, ids], [scores], False).Pack(builder), file_identifier=b"TFL3")
    (folder / name).write_bytes(bytes(builder.Output()))
    return name


def _scored(net: _Net, maps: int, ids: int) -> int:
    """The mean over the image, plus the mean of the rows that the ids name, classified."""
    schema, size, options = net.schema, tiny_arrays.SIZE, net.schema.BuiltinOptions
    axes = net.tensor("axes", [2], "int32", np.array([1, 2], np.int32))
    seen = net.tensor("seen", [1, size], "float32")
    net.operator(MEAN, [maps, axes], seen, options.ReducerOptions, schema.ReducerOptionsT())
    table = net.tensor("table", tiny_arrays.TABLE.shape, "float32", tiny_arrays.TABLE)
    rows = net.tensor("rows", [1, tiny_arrays.STEPS, size], "float32")
    net.operator(GATHER, [table, ids], rows, options.GatherOptions, schema.GatherOptionsT())
    axis = net.tensor("axis", [1], "int32", np.array([1], np.int32))
    named = net.tensor("named", [1, size], "float32")
    net.operator(MEAN, [rows, axis], named, options.ReducerOptions, schema.ReducerOptionsT())
    both = net.tensor("both", [1, size], "float32")
    net.operator(ADD, [seen, named], both, options.AddOptions, schema.AddOptionsT())
    head = net.tensor("head", tiny_arrays.HEAD.shape, "float32", tiny_arrays.HEAD)
    scores = net.tensor("scores", [1, tiny_arrays.CLASSES], "float32")
    net.operator(FULLY_CONNECTED, [both, head], scores, options.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    return scores


def _out(inner: str) -> Steps | None:
    return {"float32": None, "int8": Steps([_SCORE_STEP]), "int16": Steps([_SCORE_STEP / 256])}[inner]


def _weights(net: _Net, form: Form, steps: Steps | None) -> tuple[int, int]:
    weights = tiny._WEIGHTS.reshape(tiny.CLASSES, 1, 1, 3)
    if form == "float":
        return (
            net.tensor("w", weights.shape, "float32", weights),
            net.tensor("b", tiny._BIAS.shape, "float32", tiny._BIAS),
        )
    sizes = np.abs(weights).max(axis=(1, 2, 3)) / 127
    stored = np.round(weights / sizes[:, None, None, None]).astype(np.int8)
    held = net.tensor("w", weights.shape, "int8", stored, steps=Steps([float(one) for one in sizes]))
    if steps is None:
        return held, net.tensor("b", tiny._BIAS.shape, "float32", tiny._BIAS)
    factors = sizes * steps.scale[0]
    kind = np.int32 if form == "int8" else np.int64
    bias = np.round(tiny._BIAS / factors).astype(kind)
    return held, net.tensor(
        "b", bias.shape, np.dtype(kind).name, bias, steps=Steps([float(factor) for factor in factors])
    )


class _Net:
    """A graph that is being written."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self.tensors: list[Any] = []
        self.operators: list[Any] = []
        self.codes: list[Any] = []
        self.buffers: list[Any] = [schema.BufferT()]

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        kind: str,
        array: NDArray[Any] | None = None,
        *,
        steps: Steps | None = None,
    ) -> int:
        found = self.schema.TensorT()
        found.name, found.shape, found.type = name, list(shape), _TYPES[kind]
        if array is not None:
            stored = self.schema.BufferT()
            stored.data = np.frombuffer(array.tobytes(), np.uint8)
            self.buffers.append(stored)
            found.buffer = len(self.buffers) - 1
        if steps is not None:
            found.quantization = self.schema.QuantizationParametersT()
            found.quantization.scale = list(steps.scale)
            found.quantization.zeroPoint = [steps.zero] * len(steps.scale)
            found.quantization.quantizedDimension = steps.axis
        self.tensors.append(found)
        return len(self.tensors) - 1

    def operator(
        self, code: int, inputs: Sequence[int], output: int, kind: int = 0, options: Any = None, custom: str = ""
    ) -> None:
        entry = self.schema.OperatorCodeT()
        entry.deprecatedBuiltinCode = entry.builtinCode = code
        entry.version = 5 if code == CONV_2D else 2
        entry.customCode = custom or None
        self.codes.append(entry)
        found = self.schema.OperatorT()
        found.opcodeIndex, found.inputs, found.outputs = len(self.codes) - 1, list(inputs), [output]
        found.builtinOptionsType, found.builtinOptions = kind, options
        self.operators.append(found)

    def model(self, inputs: list[int], outputs: list[int], signature: bool) -> Any:
        graph = self.schema.SubGraphT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = self.tensors, self.operators, inputs, outputs
        model = self.schema.ModelT()
        model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, self.codes, [graph], self.buffers
        if signature:
            entry = self.schema.SignatureDefT()
            entry.signatureKey, entry.inputs, entry.outputs = "serving_default", [], []
            for field, indices, name in ((entry.inputs, inputs, "args_0"), (entry.outputs, outputs, "output_0")):
                named = self.schema.TensorMapT()
                named.name, named.tensorIndex = name, indices[0]
                field.append(named)
            model.signatureDefs = [entry]
        return model
