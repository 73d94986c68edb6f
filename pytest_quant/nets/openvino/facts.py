"""What an OpenVINO IR tells without running it: inputs, outputs, quantized layers, the weights beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pytest_quant.nets.file_stamp import FileStamp
from pytest_quant.nets.layers import QuantizedLayers
from pytest_quant.nets.openvino.ir import IrGraph, IrLayer, IrPort, read_ir
from pytest_quant.nets.openvino.layers import quantized_layers
from pytest_quant.nets.ports import Layout, Port
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.lfs import why_absent
from pytest_quant.spec.text import listed, shown

_DTYPES = {
    f"{sign}{bits}": f"{name}{bits}"
    for sign, name in (("FP", "float"), ("BF", "bfloat"), ("I", "int"), ("U", "uint"))
    for bits in (4, 8, 16, 32, 64)
}
_LAYOUTS: dict[str, Layout] = {"[N,C,H,W]": "nchw", "[N,H,W,C]": "nhwc"}
_POINTER_BYTES = 200


@dataclass(frozen=True)
class IrFacts:
    """Static facts of an IR."""

    path: Path
    weights: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    layers: QuantizedLayers

    @property
    def files(self) -> tuple[Path, ...]:
        """The `.xml` and the `.bin`."""
        return (self.path, self.weights)


def inspect_ir(path: Path) -> IrFacts:
    """Read an IR, and hold its weights against what it says of them.

    Raises:
        ModelFileError: It cannot be read, is not an IR, or its `.bin` is missing or too short.

    """
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        raise ModelFileError(
            f"{shown(path)}: its weights stand in {shown(weights)}, which does not exist: an IR is two files of one "
            "name, keep them beside each other"
        )
    return _inspect(FileStamp.of(path), FileStamp.of(weights))


@lru_cache(maxsize=64)
def _inspect(stamp: FileStamp, weights: FileStamp) -> IrFacts:
    graph = read_ir(stamp.path, stamp.content())
    _check_weights(graph, weights)
    inputs = tuple(_inputs(graph))
    outputs = tuple(_outputs(graph))
    if not inputs or not outputs:
        found = listed(sorted(graph.by_type)) or "no layer"
        raise ModelFileError(
            f"{shown(stamp.path)}: has {len(inputs)} inputs and {len(outputs)} outputs, expected layers of the types "
            f"Parameter and Result; found {found}"
        )
    return IrFacts(stamp.path, weights.path, inputs, outputs, quantized_layers(graph))


def _check_weights(graph: IrGraph, weights: FileStamp) -> None:
    with weights.path.open("rb") as file:
        absent = why_absent(file.read(_POINTER_BYTES))
    if absent is not None:
        raise ModelFileError(f"{shown(weights.path)} {absent}")
    if weights.size < graph.stored_bytes:
        raise ModelFileError(
            f"{shown(graph.path)}: its weights stand in {shown(weights.path)}, which has {weights.size} bytes, "
            f"expected {graph.stored_bytes} or more: it was cut off or is of another model"
        )


def _inputs(graph: IrGraph) -> Iterator[Port]:
    for layer in graph.by_type.get("Parameter", ()):
        for port in layer.outputs.values():
            yield _port(layer, port, _LAYOUTS.get(graph.layouts.get(layer.id, "").replace(" ", "").upper()))


def _outputs(graph: IrGraph) -> Iterator[Port]:
    for layer in graph.by_type.get("Result", ()):
        source = graph.source(layer, 0)
        if source is not None:
            yield _port(layer, source[1], None)


def _port(layer: IrLayer, port: IrPort, layout: Layout | None) -> Port:
    first, *others = port.names or (layer.name,)
    return Port(first, _DTYPES.get(port.precision, port.precision.lower()), port.shape, tuple(others), layout=layout)
