"""What the files of a model's two nets say, held against its zoo entry, before anything loads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.nets.ncnn.files.facts import NetFacts, inspect_net
from pytest_quant.nets.ncnn.files.input_hints import InputHint
from pytest_quant.spec.calibration import CalibrationSpec
from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES, UNBUILT, InputSpec, Net, OnnxFile, Side
from pytest_quant.spec.text import listed, shown, suggestion

if TYPE_CHECKING:
    from pytest_quant.nets.onnxruntime.facts import OnnxFacts


def check_nets(model: ModelSpec) -> tuple[str, ...]:
    """Raise `ConfigError` when a file is damaged, or does not fit the other files or the entry; else return notes.

    An int8 net without quantized layers passes here: saying so is the `int8` case's part. A net that is still to be
    built is checked when it has been.
    """
    found = {side: _facts(model, side) for side in SIDES if model.files(side) != UNBUILT}
    _check_precision(model, found)
    for side, facts in found.items():
        _check_blobs(model, side, facts)
    if "fp32" in found and model.calibration is not None:
        _check_kept_float(model, model.calibration, found["fp32"])
    if len(found) == len(SIDES):
        _check_outputs(model, found["fp32"], found["int8"])
    return _notes(model, found)


def _notes(model: ModelSpec, found: Mapping[Side, NetFacts]) -> tuple[str, ...]:
    """What ncnn passes over in the files, once for all nets that have it."""
    files_by_text: dict[str, list[str]] = {}
    for side, facts in found.items():
        for text in (*facts.notes, *_ignored_hints(model, facts)):
            files_by_text.setdefault(text, []).append(shown(model.files(side).param))
    return tuple(f"{listed(files)}: {text}" for text, files in files_by_text.items())


def _ignored_hints(model: ModelSpec, facts: NetFacts) -> Iterator[str]:
    blob, size, channels = model.input.blob, model.input.size, model.input.channels
    hint = facts.input_hints.get(blob, InputHint())
    if hint.size is not None and size is not None and hint.size != size:
        yield (
            f"the Input layer hints at {hint.size[0]}x{hint.size[1]} (width x height), input.size is {list(size)}: "
            "ncnn ignores the hint"
        )
    if hint.channels is not None and hint.channels != channels and blob not in facts.input_channels:
        yield (
            f"the Input layer hints at {hint.channels} channels, input.color {model.input.color} gives {channels}: "
            "ncnn ignores the hint, and no weights prove it"
        )


def _check_outputs(model: ModelSpec, fp32: NetFacts, int8: NetFacts) -> None:
    for blob in model.outputs:
        one, other = fp32.output_features.get(blob), int8.output_features.get(blob)
        if one is not None and other is not None and one != other:
            raise ConfigError(
                f"output {blob!r} has {one} channels in fp32 and {other} in int8: these are files of two models"
            )


def check_conversion(model: ModelSpec) -> None:
    """Raise `ConfigError` when the ONNX file that the fp32 net is to be converted from does not fit the entry.

    pnnx names blobs itself, so a name of the ONNX graph in the entry is told before anything is converted.
    """
    if model.fp32_onnx is None:
        return
    from pytest_quant.nets.ncnn.pnnx import pnnx_program  # onnx is imported only where a model has such a file
    from pytest_quant.nets.onnxruntime.binding import bind_input

    facts = _onnx_facts(model.fp32_onnx)
    if facts.quantized:
        raise ConfigError(f"{shown(facts.path)} is a quantized model: name the model before quantization")
    ports = [port.name for port in facts.outputs]
    named = [f"out{index}" for index in range(len(ports))]
    hint = "pnnx calls the inputs of what it converts in0, in1, ... and the outputs out0, out1, ... in their order"
    if model.input.blob != "in0":
        raise ConfigError(f"input.blob: found {model.input.blob!r}, expected 'in0': {hint}")
    for blob in model.outputs:
        if blob in ports or (blob.startswith("out") and blob not in named):
            expected = named[ports.index(blob)] if blob in ports else listed(named)
            raise ConfigError(f"output: found {blob!r}, expected {expected}: {hint}")
    bind_input(OnnxFile(facts.path), facts, model.input)
    pnnx_program()


def _onnx_facts(path: Path) -> OnnxFacts:
    from pytest_quant.nets.onnxruntime.facts import inspect_onnx

    try:
        return inspect_onnx(path)
    except ModelFileError as error:
        raise ConfigError(str(error)) from None


def check_onnx(model: ModelSpec, net: Net) -> None:
    """Raise `ConfigError` when an ONNX file is damaged, does not fit the entry, or is under the wrong key."""
    file = model.onnx_file(net)
    if file is not None:
        check_onnx_file(file, net, model.input, model.outputs)


def check_onnx_file(file: OnnxFile, net: Net, net_input: InputSpec, blobs: Sequence[str]) -> None:
    """Likewise for a file that no model names yet; ``blobs`` are the outputs of the ncnn net that it must give."""
    from pytest_quant.nets.onnxruntime.binding import bind  # onnx is imported only where a model has such a file

    facts = _onnx_facts(file.path)
    bind(file, facts, net_input, blobs)
    operators = listed(f"{count} {name}" for name, count in facts.quantized.items())
    if net == "onnx" and facts.quantized:
        raise ConfigError(
            f"{shown(file.path)} is a quantized model ({operators}): `onnx` is the model before conversion and "
            "quantization, name this one under `onnx_int8`"
        )
    if net == "onnx_int8" and not facts.quantized:
        raise ConfigError(
            f"{shown(file.path)} has no quantized operator: it is a float model under `onnx_int8`, expected the QDQ "
            "form (QuantizeLinear, DequantizeLinear) or quantized operators (QLinearConv, ...)"
        )


def _facts(model: ModelSpec, side: Side) -> NetFacts:
    files = model.files(side)
    try:
        return inspect_net(files.param, files.bin)
    except ModelFileError as error:
        raise ConfigError(f"{side}: {error}") from None


def _check_kept_float(model: ModelSpec, calibration: CalibrationSpec, fp32: NetFacts) -> None:
    known = [name for layers in fp32.quantizable.values() for name in layers]
    for name in calibration.keep_float:
        if name not in known:
            raise ConfigError(
                f"int8.calibrate.keep_float: {shown(model.fp32.param)} has no layer {name!r} that could be int8."
                f"{suggestion(name, known)}"
            )
    if known and not set(known) - set(calibration.keep_float):
        raise ConfigError(
            "int8.calibrate.keep_float names every layer that could be int8, so nothing would be quantized"
        )


def _check_precision(model: ModelSpec, found: Mapping[Side, NetFacts]) -> None:
    fp32, int8 = found.get("fp32"), found.get("int8")
    if fp32 is None or not fp32.is_quantized:
        return
    layers = sum(map(len, fp32.quantized.values()))
    found_text = f"fp32: {shown(model.fp32.param)} is an int8 net ({layers} quantized layers)"
    if int8 is None:
        raise ConfigError(f"{found_text}: name the net before quantization under `fp32`")
    if int8.is_quantized:
        raise ConfigError(f"{found_text}, and so is int8: name the net before quantization under `fp32`")
    raise ConfigError(f"{found_text}, and {shown(model.int8.param)} under `int8` is a float net: the two are swapped")


def _check_blobs(model: ModelSpec, side: Side, facts: NetFacts) -> None:
    param, blob = shown(model.files(side).param), model.input.blob
    if len(facts.inputs) > 1:
        raise ConfigError(f"{side}: {param} has {len(facts.inputs)} inputs ({listed(facts.inputs)}), expected one")
    if blob not in facts.inputs:
        raise ConfigError(
            f"input.blob: found {blob!r}, expected the input of {param} ({side}): {listed(facts.inputs) or 'none'}"
        )
    for output in model.outputs:
        if output not in facts.blobs:
            raise ConfigError(
                f"output: {param} ({side}) has no blob {output!r}.{suggestion(output, facts.blobs)} "
                f"Its last blobs: {listed(facts.outputs)}"
            )
    channels = facts.input_channels.get(blob)
    if channels is not None and channels != model.input.channels:
        raise ConfigError(
            f"input.color: {model.input.color} gives {model.input.channels} channels, "
            f"{param} ({side}) takes {channels} in {blob!r}"
        )
