"""Whether an ONNX file can become the ncnn net that an entry describes; told before pnnx runs."""

from __future__ import annotations

from pytest_quant.nets.binding import Layouts, bind_input
from pytest_quant.nets.ncnn import pnnx
from pytest_quant.nets.ncnn.format import input_blob, output_blobs
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
    if input_blob(net) != "in0":
        raise ConfigError(f"input.blob: found {input_blob(net)!r}, expected 'in0': {hint}")
    for blob in output_blobs(net):
        if blob in ports or (blob.startswith("out") and blob not in named):
            expected = named[ports.index(blob)] if blob in ports else listed(named)
            raise ConfigError(f"output: found {blob!r}, expected {expected}: {hint}")
    bind_input(None, facts, net.input, Layouts(input="nchw"))  # ncnn has no other
    pnnx.pnnx_program()  # raises where it is not installed
