"""How a graph with named inputs and outputs is a net of a model: what is fed, and which output is which blob."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pytest_quant.nets.ports import Layout, Port
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import InputSpec, ModelNet
from pytest_quant.spec.text import listed, shown, suggestion

_PNNX_INPUT = re.compile(r"in(\d+)")
_PNNX_OUTPUT = re.compile(r"out(\d+)")
_CHANNELS_AT = {"nchw": -3, "nhwc": -1}


class Graph(Protocol):
    """What is asked of the facts of a file."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What has to be fed."""
        ...

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What it gives."""
        ...


@dataclass(frozen=True)
class Layouts:
    """How a graph orders the dimensions of images."""

    usual: Layout = "nchw"
    """Where neither the entry nor the file nor the shape tells."""
    input: Layout | None = None
    """As the entry says."""
    output: Layout | None = None
    """As the entry says; None: as the input."""

    @property
    def output_of_arrays(self) -> Layout:
        """Where the net is fed arrays, only the entry makes it another than the files have."""
        return self.output or self.input or "nchw"


@dataclass(frozen=True)
class BoundInput:
    """An input that is fed."""

    port: Port
    has_batch: bool
    """Whether a batch dimension of 1 stands in front."""
    layout: Layout


@dataclass(frozen=True)
class Binding:
    """What is fed and what is read; plain data."""

    inputs: Mapping[str, BoundInput]
    """By the name that whoever runs the net knows."""
    outputs: Mapping[str, Port]
    """Output of the model to output of the graph, in the order of the zoo entry."""
    output_layout: Layout
    is_of_arrays: bool = False
    """Whether it is fed arrays as they are, instead of one image."""

    @property
    def has_batch(self) -> bool:
        """Whether inputs and outputs have a batch dimension of 1 in front."""
        return all(bound.has_batch for bound in self.inputs.values())


def bind(net: ModelNet, graph: Graph, layouts: Layouts = Layouts()) -> Binding:
    """Match a file with a zoo entry's ``input`` and ``output``; raises `ConfigError` where they do not fit."""
    if net.input_names:
        return Binding(
            bind_arrays(net.input_names, graph, layouts), _outputs(net, graph), layouts.output_of_arrays, True
        )
    bound = bind_input(net.input_name, graph, net.input, layouts)
    return Binding({net.input.blob: bound}, _outputs(net, graph), layouts.output or bound.layout)


def bind_input(
    name: str | None,
    graph: Graph,
    net_input: InputSpec,
    layouts: Layouts = Layouts(),
) -> BoundInput:
    """The input that is fed; raises `ConfigError` where it does not fit.

    ``name``: what the entry calls it, where it does.
    """
    port = _input(name, graph)
    what = f"{shown(graph.path)}: the input {port}"
    if not port.is_real:
        raise ConfigError(
            f"{what} takes {port.dtype}, expected a float type: it is fed what `input` makes of the pixels, so export "
            "the model without its preprocessing"
        )
    has_batch = _has_batch(what, port)
    layout = layouts.input or port.layout or _told_by_shape(port, net_input.channels) or layouts.usual
    _check_image(what, port, net_input, layout)
    return BoundInput(port, has_batch, layout)


def bind_arrays(
    names: Sequence[tuple[str, str | None]], graph: Graph, layouts: Layouts = Layouts()
) -> dict[str, BoundInput]:
    """The inputs that are fed arrays, by the name under which each is given.

    ``names``: that name, and what the graph calls the input where the entry says so; else it is the input of the same
    name, that of pnnx's number (`in1`), or the only one.

    Raises `ConfigError` where an input of the graph is not fed, or one that it lacks would be.
    """
    ports = {name: port for port in graph.inputs for name in port.names}
    found = {name: _array_input(name, own, graph, ports, alone=len(names) == 1) for name, own in names}
    unfed = [str(port) for port in graph.inputs if port not in found.values()]
    if unfed:
        raise ConfigError(
            f"inputs: nothing is said of {listed(unfed)}, expected an array for each input of {shown(graph.path)}"
        )
    return {
        name: BoundInput(port, port.shape is None or port.shape[:1] in ((1,), (None,)), layouts.input or "nchw")
        for name, port in found.items()
    }


def _array_input(name: str, own: str | None, graph: Graph, ports: Mapping[str, Port], *, alone: bool) -> Port:
    if (own or name) in ports:
        return ports[own or name]
    number = _PNNX_INPUT.fullmatch(name)
    if own is None and number is not None and int(number[1]) < len(graph.inputs):
        return graph.inputs[int(number[1])]
    if own is None and alone and len(graph.inputs) == 1:
        return graph.inputs[0]
    raise ConfigError(
        f"inputs: {shown(graph.path)} has no input {own or name!r}.{suggestion(own or name, ports)} Its inputs: "
        f"{listed(map(str, graph.inputs)) or 'none'}. `inputs` of the net says which array goes where"
    )


def _input(name: str | None, graph: Graph) -> Port:
    found = listed(map(str, graph.inputs)) or "none"
    if len(graph.inputs) != 1:
        raise ConfigError(
            f"{shown(graph.path)}: has {len(graph.inputs)} inputs ({found}), expected one; a net "
            "of several inputs is fed arrays, by `inputs` in the place of `input`"
        )
    (port,) = graph.inputs
    if name is not None and name not in port.names:
        raise ConfigError(
            f"input: found {name!r}, expected the input of {shown(graph.path)}: {' or '.join(port.names)}"
        )
    return port


def _has_batch(what: str, port: Port) -> bool:
    if port.shape is None:
        return True
    if len(port.shape) not in (3, 4):
        raise ConfigError(
            f"{what} has {len(port.shape)} dimensions, expected (batch, channels, height, width), (batch, height, "
            "width, channels), or one of them without a batch"
        )
    if len(port.shape) == 3:
        return False
    if port.shape[0] not in (1, None):
        raise ConfigError(
            f"{what} fixes the batch to {port.shape[0]}, and samples are run one by one: export the model with a batch "
            "of 1, or with a dynamic one"
        )
    return True


def _told_by_shape(port: Port, channels: int) -> Layout | None:
    """The layout in which the input has that many channels, where one alone does."""
    if port.shape is None:
        return None
    first, last = (port.shape[_CHANNELS_AT[layout]] == channels for layout in ("nchw", "nhwc"))
    if first == last:
        return None
    return "nchw" if first else "nhwc"


def _check_image(what: str, port: Port, net_input: InputSpec, layout: Layout) -> None:
    if port.shape is None:
        return
    channels, height, width = channels_first(port.shape[-3:], layout)
    if channels not in (net_input.channels, None):
        raise ConfigError(
            f"{what} takes {channels} channels, input.color {net_input.color} gives {net_input.channels}"
            f"{'' if layout == 'nchw' else ': its layout is nhwc, channels last'}"
        )
    size = net_input.size
    if size is not None and (width not in (size[0], None) or height not in (size[1], None)):
        raise ConfigError(
            f"{what} fixes width and height to {[width, height]}, input.size is {list(size)}: export the model at that "
            "size, or with dynamic axes"
        )


def channels_first(shape: Sequence[int | None], layout: Layout) -> tuple[int | None, int | None, int | None]:
    """Channels, height and width of a shape without batch.

    >>> channels_first((32, 48, 3), "nhwc")
    (3, 32, 48)
    """
    one, two, three = shape
    return (one, two, three) if layout == "nchw" else (three, one, two)


def _outputs(net: ModelNet, graph: Graph) -> dict[str, Port]:
    """Blob to output: as the entry says, else by name, by pnnx's numbering, or because there is one of each."""
    ports = {name: port for port in graph.outputs for name in port.names}
    blobs = net.outputs
    names = net.output_names if net.output_names is not None else _guessed(graph, ports, blobs)
    if len(names) != len(blobs):
        raise ConfigError(
            f"outputs: found {len(names)} names, expected one for each of the {len(blobs)} blobs under `output`, in "
            f"their order: {listed(blobs)}"
        )
    for name in names:
        if name not in ports:
            raise ConfigError(
                f"outputs: {shown(graph.path)} has no output {name!r}.{suggestion(name, ports)} Its outputs: "
                f"{listed(map(str, graph.outputs))}"
            )
        if not ports[name].is_real:
            raise ConfigError(
                f"{shown(graph.path)}: the output {ports[name]} is not a float type: export the model without its "
                "postprocessing, so that it gives what the ncnn net gives"
            )
    return {blob: ports[name] for blob, name in zip(blobs, names, strict=True)}


def _guessed(graph: Graph, known: Mapping[str, Port], blobs: Sequence[str]) -> tuple[str, ...]:
    if all(blob in known for blob in blobs):
        return tuple(blobs)
    ports = [port.name for port in graph.outputs]
    numbers = [_PNNX_OUTPUT.fullmatch(blob) for blob in blobs]
    indices = [int(number[1]) for number in numbers if number is not None]
    if len(indices) == len(blobs) and max(indices) < len(ports):
        return tuple(ports[index] for index in indices)
    if len(ports) == len(blobs) == 1:
        return tuple(ports)
    raise ConfigError(
        f"{shown(graph.path)} has the outputs {listed(map(str, graph.outputs))}, and which of them the blobs "
        f"{listed(blobs)} are cannot be told: name one for each blob, in the order of `output` (`output: [...]` of the "
        "net; under `onnx` and `onnx_int8`: {file: ..., outputs: [...]})"
    )
