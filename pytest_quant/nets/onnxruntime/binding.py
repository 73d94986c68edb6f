"""How an ONNX file is a net of a model: which input is fed, which output is which blob."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_quant.nets.onnxruntime.facts import OnnxFacts, Port
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import InputSpec, ModelNet
from pytest_quant.spec.text import listed, shown, suggestion

_FLOATS = ("float32", "float16", "float64")
_PNNX_OUTPUT = re.compile(r"out(\d+)")


@dataclass(frozen=True)
class OnnxBinding:
    """What is fed and what is read; plain data."""

    input: Port
    has_batch: bool
    """Whether input and outputs have a batch dimension of 1 in front."""
    outputs: Mapping[str, str]
    """Output of the model to output of the ONNX graph, in the order of the zoo entry."""


def bind(net: ModelNet, facts: OnnxFacts) -> OnnxBinding:
    """Match an ONNX file with a zoo entry's ``input`` and ``output``; raises `ConfigError` where they do not fit."""
    port, has_batch = bind_input(net.input_name, facts, net.input)
    return OnnxBinding(port, has_batch, _outputs(net, facts))


def bind_input(name: str | None, facts: OnnxFacts, net_input: InputSpec) -> tuple[Port, bool]:
    """The input that is fed, and whether it has a batch dimension; raises `ConfigError` where it does not fit.

    ``name``: what the entry calls it, where it does.
    """
    port = _input(name, facts)
    what = f"{shown(facts.path)}: the input {port}"
    if port.dtype not in _FLOATS:
        raise ConfigError(
            f"{what} takes {port.dtype}, expected a float type: it is fed what `input` makes of the pixels, so export "
            "the model without its preprocessing"
        )
    has_batch = _has_batch(what, port)
    _check_image(what, port, net_input)
    return port, has_batch


def _input(name: str | None, facts: OnnxFacts) -> Port:
    found = listed(map(str, facts.inputs)) or "none"
    if len(facts.inputs) != 1:
        raise ConfigError(f"{shown(facts.path)}: has {len(facts.inputs)} inputs ({found}), expected one")
    (port,) = facts.inputs
    if name is not None and name != port.name:
        raise ConfigError(f"input: found {name!r}, expected the input of {shown(facts.path)}: {port.name}")
    return port


def _has_batch(what: str, port: Port) -> bool:
    if port.shape is None:
        return True
    if len(port.shape) not in (3, 4):
        raise ConfigError(
            f"{what} has {len(port.shape)} dimensions, expected (batch, channels, height, width), or no batch"
        )
    if len(port.shape) == 3:
        return False
    if port.shape[0] not in (1, None):
        raise ConfigError(
            f"{what} fixes the batch to {port.shape[0]}, and samples are run one by one: export the model with a batch "
            "of 1, or with a dynamic one"
        )
    return True


def _check_image(what: str, port: Port, net_input: InputSpec) -> None:
    if port.shape is None:
        return
    channels, height, width = port.shape[-3:]
    if channels not in (net_input.channels, None):
        hint = (
            ": its channels stand last, and channels first is what ncnn and most exports have"
            if width == net_input.channels
            else ""
        )
        raise ConfigError(
            f"{what} takes {channels} channels, input.color {net_input.color} gives {net_input.channels}{hint}"
        )
    size = net_input.size
    if size is not None and (width not in (size[0], None) or height not in (size[1], None)):
        raise ConfigError(
            f"{what} fixes width and height to {[width, height]}, input.size is {list(size)}: export the model at that "
            "size, or with dynamic axes"
        )


def _outputs(net: ModelNet, facts: OnnxFacts) -> dict[str, str]:
    """Blob to output: as the entry says, else by name, by pnnx's numbering, or because there is one of each."""
    ports = {port.name: port for port in facts.outputs}
    blobs = net.outputs
    names = net.output_names if net.output_names is not None else _guessed(facts, blobs)
    if len(names) != len(blobs):
        raise ConfigError(
            f"outputs: found {len(names)} names, expected one for each of the {len(blobs)} blobs under `output`, in "
            f"their order: {listed(blobs)}"
        )
    for name in names:
        if name not in ports:
            raise ConfigError(
                f"outputs: {shown(facts.path)} has no output {name!r}.{suggestion(name, ports)} Its outputs: "
                f"{listed(map(str, facts.outputs))}"
            )
        if ports[name].dtype not in _FLOATS:
            raise ConfigError(
                f"{shown(facts.path)}: the output {ports[name]} is not a float type: export the model without its "
                "postprocessing, so that it gives what the ncnn net gives"
            )
    return dict(zip(blobs, names, strict=True))


def _guessed(facts: OnnxFacts, blobs: Sequence[str]) -> tuple[str, ...]:
    ports = [port.name for port in facts.outputs]
    if all(blob in ports for blob in blobs):
        return tuple(blobs)
    numbers = [_PNNX_OUTPUT.fullmatch(blob) for blob in blobs]
    indices = [int(number[1]) for number in numbers if number is not None]
    if len(indices) == len(blobs) and max(indices) < len(ports):
        return tuple(ports[index] for index in indices)
    if len(ports) == len(blobs) == 1:
        return tuple(ports)
    raise ConfigError(
        f"{shown(facts.path)} has the outputs {listed(map(str, facts.outputs))}, and which of them the blobs "
        f"{listed(blobs)} are cannot be told: write {{file: ..., outputs: [...]}}, one name for each blob in the order "
        "of `output`"
    )
