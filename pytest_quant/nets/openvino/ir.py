"""The graph of an OpenVINO IR file (`.xml`): layers, their ports and what connects them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.text import shown

VERSIONS = (10, 11)
"""Of the format: those that OpenVINO writes since 2020."""

Place = tuple[str, str]
"""A layer's id and one of its ports."""


@dataclass(frozen=True)
class IrPort:
    """An output of a layer."""

    precision: str
    """Such as ``FP32``, ``I8``."""
    names: tuple[str, ...]
    shape: tuple[int | None, ...]
    """None for a dimension that is left open."""


@dataclass(frozen=True)
class IrLayer:
    """One layer."""

    id: str
    type: str
    name: str
    data: Mapping[str, str]
    """Its attributes."""
    inputs: tuple[str, ...]
    """Its input ports, in their order."""
    outputs: Mapping[str, IrPort]


@dataclass(frozen=True)
class IrGraph:
    """The outermost graph of a file."""

    path: Path
    layers: Mapping[str, IrLayer]
    sources: Mapping[Place, Place]
    """Input port to the output port that feeds it."""
    stored_bytes: int
    """How far into the `.bin` the constants reach, those of graphs inside layers included."""
    layouts: Mapping[str, str]
    """Layer id to the layout that the file tells of its output: ``[N,C,H,W]``."""

    @cached_property
    def by_type(self) -> Mapping[str, tuple[IrLayer, ...]]:
        """The layers of each type, in the order of the file."""
        found: dict[str, tuple[IrLayer, ...]] = {}
        for layer in self.layers.values():
            found[layer.type] = (*found.get(layer.type, ()), layer)
        return found

    def source(self, layer: IrLayer, index: int) -> tuple[IrLayer, IrPort] | None:
        """What feeds an input of a layer; None where nothing does."""
        place = self.sources.get((layer.id, layer.inputs[index])) if index < len(layer.inputs) else None
        if place is None:
            return None
        fed_by = self.layers[place[0]]
        return fed_by, fed_by.outputs[place[1]]


def read_ir(path: Path, data: bytes) -> IrGraph:
    """Parse an IR file.

    Raises:
        ModelFileError: It is not XML, not an IR, of a version that is not known, or its parts do not fit together.

    """
    root = _root(path, data)
    try:
        return _graph(path, root)
    except (KeyError, ValueError) as error:
        raise ModelFileError(f"{shown(path)}: is not a whole OpenVINO IR: {type(error).__name__} {error}") from None


def _root(path: Path, data: bytes) -> Element:
    what = f"{shown(path)}: is not an OpenVINO IR ({len(data)} bytes)"
    if b"<!DOCTYPE" in data:
        raise ModelFileError(f"{what}: found a DOCTYPE, and no IR has one")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - without a DOCTYPE there is nothing to expand
    except ElementTree.ParseError as error:
        raise ModelFileError(f"{what}: it is not XML: {error}") from None
    if root.tag != "net" or root.find("layers") is None:
        raise ModelFileError(f"{what}: found <{root.tag}>, expected <net> with <layers>")
    version = root.get("version", "")
    if version not in map(str, VERSIONS):
        known = " or ".join(map(str, VERSIONS))
        raise ModelFileError(f"{shown(path)}: has IR version {version or 'none'}, expected {known}: convert it anew")
    return root


def _graph(path: Path, root: Element) -> IrGraph:
    found = {element.attrib["id"]: element for element in root.iterfind("layers/layer")}
    layers = {key: _layer(element) for key, element in found.items()}
    sources = {
        (edge.attrib["to-layer"], edge.attrib["to-port"]): (edge.attrib["from-layer"], edge.attrib["from-port"])
        for edge in root.iterfind("edges/edge")
    }
    for (to, _), (start, port) in sources.items():
        if to not in layers or port not in layers[start].outputs:
            raise ValueError(f"an edge from {start}:{port} to {to}")
    return IrGraph(path, layers, sources, max(_ends(root), default=0), dict(_layouts(found)))


def _layer(element: Element) -> IrLayer:
    data = element.find("data")
    return IrLayer(
        id=element.attrib["id"],
        type=element.attrib["type"],
        name=element.get("name", element.attrib["id"]),
        data={} if data is None else dict(data.attrib),
        inputs=tuple(port.attrib["id"] for port in element.iterfind("input/port")),
        outputs={port.attrib["id"]: _port(port) for port in element.iterfind("output/port")},
    )


def _port(element: Element) -> IrPort:
    sizes = (int(dim.text or "") for dim in element.iterfind("dim"))
    names = element.get("names", "").replace("\\,", "\0").split(",")  # a comma in a name is escaped
    return IrPort(
        precision=element.get("precision", ""),
        names=tuple(name.replace("\0", ",") for name in names if name),
        shape=tuple(size if size > 0 else None for size in sizes),
    )


def _ends(root: Element) -> Iterator[int]:
    """Where each constant ends in the `.bin`."""
    for element in root.iter("layer"):
        data = element.find("data")
        if element.get("type") == "Const" and data is not None:
            yield int(data.attrib["offset"]) + int(data.attrib["size"])


def _layouts(found: Mapping[str, Element]) -> Iterator[tuple[str, str]]:
    for key, element in found.items():
        for attribute in element.iterfind("output/port/rt_info/attribute"):
            if attribute.get("name") == "layout":
                yield key, attribute.get("layout", "")
