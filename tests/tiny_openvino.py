"""The net of `tests.tiny` as OpenVINO IR files, written by hand: float and quantized as nncf writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from tests import tiny

_PRECISIONS = {"f32": "FP32", "i8": "I8", "u8": "U8", "i64": "I64"}


@dataclass
class Ir:
    """Layers, edges and weights of an IR that is being written."""

    layers: list[ElementTree.Element] = field(default_factory=list)
    edges: list[tuple[str, str, str, str]] = field(default_factory=list)
    weights: bytearray = field(default_factory=bytearray)
    ports: dict[str, tuple[str, Sequence[int]]] = field(default_factory=dict)
    """Layer to the type and the shape of its output."""

    def layer(
        self,
        kind: str,
        name: str,
        inputs: Sequence[str],
        output: tuple[str, Sequence[int]] | None,
        version: str = "opset1",
        names: str = "",
        **data: object,
    ) -> str:
        """Add a layer and give its id."""
        key = str(len(self.layers))
        element = ElementTree.Element("layer", id=key, name=name, type=kind, version=version)
        if data:
            ElementTree.SubElement(element, "data", {key: str(value) for key, value in data.items()})
        if inputs:
            given = ElementTree.SubElement(element, "input")
            for index, source in enumerate(inputs):
                _port(given, str(index), *self.ports[source])
                self.edges.append((source, str(len(self._inputs(source))), key, str(index)))
        if output is not None:
            _port(ElementTree.SubElement(element, "output"), str(len(inputs)), *output, names=names)
            self.ports[key] = output
        self.layers.append(element)
        return key

    def constant(self, name: str, array: NDArray[Any], kind: str) -> str:
        """Add weights."""
        offset, data = len(self.weights), array.tobytes()
        self.weights += data
        shape = ", ".join(map(str, array.shape))
        return self.layer(
            *("Const", name, (), (kind, array.shape)), element_type=kind, shape=shape, offset=offset, size=len(data)
        )

    def _inputs(self, key: str) -> list[ElementTree.Element]:
        return self.layers[int(key)].findall("input/port")

    def save(self, folder: Path, name: str) -> str:
        """Write both files and give the name of the first."""
        root = ElementTree.Element("net", name="tiny", version="11")
        ElementTree.SubElement(root, "layers").extend(self.layers)
        edges = ElementTree.SubElement(root, "edges")
        for start, out, end, into in self.edges:
            ElementTree.SubElement(
                edges, "edge", {"from-layer": start, "from-port": out, "to-layer": end, "to-port": into}
            )
        ElementTree.ElementTree(root).write(folder / name)
        (folder / name).with_suffix(".bin").write_bytes(self.weights)
        return name


def write_ir(
    folder: Path,
    name: str = "tiny.xml",
    *,
    int8: bool = False,
    scale: float = 1 / 127,
    nhwc: bool = False,
    last: str = "SoftMax",
    weights_only: bool = False,
) -> str:
    """Write the net and give the name of its `.xml`; ``scale``: of the input's 255 levels in the int8 net.

    ``last``: the operator that gives the probabilities, which may be one that no runtime has.
    """
    ir = Ir()
    shape = [1, tiny.SIDE, tiny.SIDE, 3] if nhwc else [1, 3, tiny.SIDE, tiny.SIDE]
    data = ir.layer(
        *("Parameter", "image", (), ("f32", shape)), names="image", shape=",".join(map(str, shape)), element_type="f32"
    )
    if nhwc:
        order = ir.constant("order", np.array([0, 3, 1, 2], np.int64), "i64")
        data = ir.layer("Transpose", "first", (data, order), ("f32", [1, 3, tiny.SIDE, tiny.SIDE]))
    if int8 and not weights_only:
        data = _faked(ir, data, scale)
    weights = _weights(ir, int8)
    size = [1, tiny.CLASSES, tiny.SIDE, tiny.SIDE]
    conv = ir.layer(
        *("Convolution", "conv", (data, weights), ("f32", size)),
        strides="1, 1",
        dilations="1, 1",
        pads_begin="0, 0",
        pads_end="0, 0",
        auto_pad="explicit",
    )
    bias = ir.constant("bias", tiny._BIAS.reshape(1, -1, 1, 1), "f32")
    added = ir.layer("Add", "biased", (conv, bias), ("f32", size), auto_broadcast="numpy")
    axes = ir.constant("axes", np.array([2, 3], np.int64), "i64")
    pooled = ir.layer("ReduceMean", "pool", (added, axes), ("f32", [1, tiny.CLASSES]), keep_dims="false")
    output = ir.layer(last, "prob", (pooled,), ("f32", [1, tiny.CLASSES]), names="probabilities,prob", axis=1)
    ir.layer("Result", "prob/sink", (output,), None)
    return ir.save(folder, name)


def _faked(ir: Ir, data: str, scale: float) -> str:
    ends = [ir.constant(f"end{end}", np.full((1, 1, 1, 1), end * scale, np.float32), "f32") for end in (-127, 127)]
    shape = [1, 3, tiny.SIDE, tiny.SIDE]
    return ir.layer("FakeQuantize", "fq", (data, *ends, *ends), ("f32", shape), levels=255, auto_broadcast="numpy")


def _weights(ir: Ir, int8: bool) -> str:
    weights = tiny._WEIGHTS[:, :, None, None]
    if not int8:
        return ir.constant("weights", weights, "f32")
    step = float(np.abs(weights).max() / 127)
    stored = ir.constant("weights", np.round(weights / step).astype(np.int8), "i8")
    real = ir.layer("Convert", "real", (stored,), ("f32", weights.shape), destination_type="f32")
    factor = ir.constant("factor", np.full((1, 1, 1, 1), step, np.float32), "f32")
    return ir.layer("Multiply", "scaled", (real, factor), ("f32", weights.shape), auto_broadcast="numpy")


def _port(parent: ElementTree.Element, key: str, kind: str, shape: Sequence[int], names: str = "") -> None:
    element = ElementTree.SubElement(parent, "port", id=key, precision=_PRECISIONS[kind])
    if names:
        element.set("names", names)
    for size in shape:
        ElementTree.SubElement(element, "dim").text = str(size)
