"""Whether an ONNX file can become the ncnn net that an entry describes; told before pnnx runs."""

from __future__ import annotations

from pytest_quant.nets.binding import Layouts, bind_input
from pytest_quant.nets.ncnn import pnnx
from pytest_quant.nets.ncnn.format import array_blobs, input_blob, output_blobs
from pytest_quant.nets.onnxruntime.facts import inspect_onnx
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import ModelNet, OnnxSource
from pytest_quant.spec.text import listed, shown


def check_source(net: ModelNet, source: OnnxSource) -> None:
    """Raise `ConfigError` when the file or the names in the entry do not fit, `ModelFileError` when it is damaged.

    pnnx names blobs itself, so a name of the ONNX graph in the entry is told before anything is converted.
    """
    facts = inspect_onnx(source.path)
    if facts.quantized:
        raise ConfigError(f"{shown(facts.path)} is a quantized model: name the model before quantization")
    ports = [port.name for port in facts.outputs]
    named = [f"out{index}" for index in range(len(ports))]
    hint = "pnnx calls the inputs of what it converts in0, in1, ... and the outputs out0, out1, ... in their order"
    _check_inputs(net, [f"in{index}" for index in range(len(facts.inputs))], hint)
    for blob in output_blobs(net):
        if blob in ports or (blob.startswith("out") and blob not in named):
            expected = named[ports.index(blob)] if blob in ports else listed(named)
            raise ConfigError(f"output: found {blob!r}, expected {expected}: {hint}")
    if not net.input_names:
        bind_input(None, facts, net.input, Layouts(input="nchw"))  # ncnn has no other
    pnnx.pnnx_program()  # raises where it is not installed


def _check_inputs(net: ModelNet, converted: list[str], hint: str) -> None:
    """Raise `ConfigError` where the entry does not call inputs as pnnx does; ``converted``: their names."""
    if not net.input_names:
        if input_blob(net) != converted[0]:
            raise ConfigError(f"input.blob: found {input_blob(net)!r}, expected 'in0': {hint}")
    elif sorted(array_blobs(net)) != sorted(converted):
        raise ConfigError(f"inputs: found {listed(array_blobs(net))}, expected {listed(converted)}: {hint}")
