"""What an ONNX file tells without running it: inputs, outputs, versions, quantized nodes, files beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import onnx
from google.protobuf.message import DecodeError, Message

from pytest_quant.nets.file_stamp import FileStamp
from pytest_quant.nets.layers import QuantizedLayers
from pytest_quant.nets.onnxruntime.layers import quantized_layers
from pytest_quant.nets.ports import Port
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.text import shown, visible

_ENDLESS = 1 << 62
_STANDARD_DOMAINS = ("", "ai.onnx")
_QUANTIZED_OPS = frozenset(
    {
        *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"),
        *("QLinearConv", "QLinearMatMul", "QLinearAdd", "QLinearMul", "QLinearGlobalAveragePool"),
        *("QLinearAveragePool", "QLinearConcat", "QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax", "QGemm"),
    }
)
"""Of the standard and of onnxruntime's own operators (com.microsoft): the QDQ form and the operator form."""


@dataclass(frozen=True)
class OnnxFacts:
    """Static facts of an ONNX file."""

    path: Path
    inputs: tuple[Port, ...]
    """What has to be fed: older files list their weights as inputs too, those are left out."""
    outputs: tuple[Port, ...]
    opset: int
    """Version of the standard operators."""
    quantized: Mapping[str, int]
    """Quantizing operator to how many nodes of it there are."""
    layers: QuantizedLayers
    external: tuple[Path, ...]
    """Files beside it that hold weights."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The file and those that hold its weights."""
        return (self.path, *self.external)


def inspect_onnx(path: Path) -> OnnxFacts:
    """Read an ONNX file and let onnx's own checker judge it.

    Raises:
        ModelFileError: It cannot be read, is not an ONNX model, is newer than the installed onnx, lacks a file that
            holds weights, or breaks the rules of the format.

    """
    return _inspect(FileStamp.of(path))


@lru_cache(maxsize=64)
def _inspect(stamp: FileStamp) -> OnnxFacts:
    try:
        return _facts(stamp)
    except UnicodeDecodeError as error:  # from the checker, of a text that stands deep within
        raise ModelFileError(f"{shown(stamp.path)}: is damaged: holds text that is not UTF-8 ({error})") from None


def _facts(stamp: FileStamp) -> OnnxFacts:
    path = stamp.path
    model = _parsed(stamp)
    _check_versions(path, model)
    external = _external_files(path, model)
    try:
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError as error:
        raise ModelFileError(f"{shown(path)}: onnx's checker refuses it: {_first_line(error)}") from None
    weights = {tensor.name for tensor in model.graph.initializer}
    counts = Counter(node.op_type for node in model.graph.node if node.op_type in _QUANTIZED_OPS)
    return OnnxFacts(
        path=path,
        inputs=tuple(_port(path, value) for value in model.graph.input if value.name not in weights),
        outputs=tuple(_port(path, value) for value in model.graph.output),
        opset=_opset(model),
        quantized=dict(sorted(counts.items())),
        layers=quantized_layers(model.graph),
        external=external,
    )


def _parsed(stamp: FileStamp) -> onnx.ModelProto:
    path, data = stamp.path, stamp.content()
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise ModelFileError(f"{shown(path)}: is not an ONNX file ({len(data)} bytes)") from None
    _check_texts(path, model)
    if any(node.op_type.startswith("pnnx.") for node in model.graph.node):
        raise ModelFileError(
            f"{shown(path)}: is pnnx's picture of a graph (it writes one as NAME.pnnx.onnx), which no runtime can run: "
            "name the ONNX file that the model was exported to"
        )
    if not model.graph.node or model.ir_version < 1:
        raise ModelFileError(
            f"{shown(path)}: is not an ONNX model: found {len(model.graph.node)} nodes and IR version "
            f"{model.ir_version}"
        )
    return model


def _check_texts(path: Path, message: Message) -> None:
    """Raise `ModelFileError` for a text that is not UTF-8, which protobuf gives as bytes, or refuses to give."""
    for field, value in message.ListFields():
        values = [value] if isinstance(value, (str, bytes, Message)) else value
        if field.type == field.TYPE_MESSAGE:
            for one in values:
                _check_texts(path, one)
        elif field.type == field.TYPE_STRING and any(isinstance(one, bytes) for one in values):
            raise ModelFileError(f"{shown(path)}: is damaged: holds a {field.name} that is not UTF-8")


def _check_versions(path: Path, model: onnx.ModelProto) -> None:
    for what, found, known in (
        ("IR version", model.ir_version, onnx.IR_VERSION),
        ("opset", _opset(model), onnx.defs.onnx_opset_version()),
    ):
        if found > known:
            raise ModelFileError(
                f"{shown(path)}: has {what} {found}, the installed onnx {onnx.__version__} knows up to {known}: update "
                "onnx, or export the model with an older opset"
            )


def _opset(model: onnx.ModelProto) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in _STANDARD_DOMAINS), default=0)


@dataclass(frozen=True)
class _Stored:
    """A tensor whose data stand in another file."""

    location: str
    end: int
    """How many bytes the file has at least."""


def _stored_elsewhere(graph: onnx.GraphProto) -> Iterator[_Stored]:
    """The weights of a graph, and of the graphs inside its nodes, that stand in other files."""
    tensors = list(graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t, *attribute.tensors]
            for inner in (attribute.g, *attribute.graphs):
                yield from _stored_elsewhere(inner)
    for tensor in tensors:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            found = {entry.key: entry.value for entry in tensor.external_data}
            end = _bytes_of(found.get("offset", "0")) + _bytes_of(found.get("length", "0"))
            yield _Stored(found.get("location", ""), end)


def _bytes_of(text: str) -> int:
    """A count that an ONNX file has as text; more than any file has where it is none."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else _ENDLESS


def _external_files(path: Path, model: onnx.ModelProto) -> tuple[Path, ...]:
    """The files that hold weights; raises `ModelFileError` for one that is missing or too short."""
    ends: dict[str, int] = {}
    for stored in _stored_elsewhere(model.graph):
        ends[stored.location] = max(stored.end, ends.get(stored.location, 0))
    for location, end in ends.items():
        parts = PurePosixPath(location).parts
        if not parts or location.startswith("/") or ".." in parts or "\0" in location:
            raise ModelFileError(
                f"{shown(path)}: says that its weights stand in {visible(location)!r}, expected the name of a file in "
                "its folder or below"
            )
        file = path.parent / location
        if not file.is_file():
            raise ModelFileError(
                f"{shown(path)}: its weights stand in {shown(file)}, which does not exist: keep the file beside the "
                "model, under the name it was exported with"
            )
        if file.stat().st_size < end:
            raise ModelFileError(
                f"{shown(path)}: its weights stand in {shown(file)}, which has {file.stat().st_size} bytes, expected "
                f"{end} or more: it was cut off or is of another model"
            )
    return tuple(path.parent / location for location in ends)


def _port(path: Path, value: onnx.ValueInfoProto) -> Port:
    if value.type.WhichOneof("value") != "tensor_type":
        raise ModelFileError(f"{shown(path)}: {value.name!r} is not a tensor, expected tensors as inputs and outputs")
    tensor = value.type.tensor_type
    dtype = str(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    if not tensor.HasField("shape"):
        return Port(value.name, dtype, None)
    return Port(value.name, dtype, tuple(dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
