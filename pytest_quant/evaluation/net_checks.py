"""What the files of a model's nets say, held against its entry and against each other, before anything loads them."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_quant.extending.known import get_format
from pytest_quant.nets.format import StaticFacts
from pytest_quant.spec.calibration import CalibrationSpec
from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES, ModelNet, Net, OnnxSource
from pytest_quant.spec.text import listed, shown


def check_nets(model: ModelSpec) -> tuple[str, ...]:
    """Raise `ConfigError` when a file of fp32 or int8 is damaged, or does not fit the entry or the other; give notes.

    An int8 net without quantized layers passes here: saying so is the `int8` case's part. A net that is still to be
    built is checked when it has been.
    """
    found: dict[Net, StaticFacts] = {side: _facts(model, side) for side in SIDES if model.nets[side].is_built}
    _check_precision(model, found.get("fp32"), found.get("int8"))
    if "fp32" in found and model.calibration is not None:
        _check_kept_float(model, model.calibration)
    if len(found) == len(SIDES):
        _check_channels(found["fp32"], found["int8"], "int8")
    return _notes(model, found)


def check_net(model: ModelSpec, name: Net) -> tuple[str, ...]:
    """Likewise for one of the other nets, beside fp32; raises `ModelFileError` where it is a file that is damaged."""
    if not model.nets[name].is_built:
        return ()
    facts = get_format(model.nets[name].format).inspect(model.net(name))
    if model.nets["fp32"].is_built:
        _check_channels(inspect(model.net("fp32")), facts, name)
    return _notes(model, {name: facts})


def inspect(net: ModelNet) -> StaticFacts:
    """What the files of a net say; raises `ConfigError` for a damaged file, too."""
    try:
        return get_format(net.format).inspect(net)
    except ModelFileError as error:
        raise ConfigError(str(error)) from None


def check_conversion(model: ModelSpec, name: Net) -> None:
    """Raise `ConfigError` when the ONNX file that a net is to be converted from does not fit the entry.

    pnnx names blobs itself, so a name of the ONNX graph in the entry is told before anything is converted.
    """
    source = model.nets[name].source
    if not isinstance(source, OnnxSource):
        return
    from pytest_quant.nets.ncnn.conversion import check_source  # onnx is imported only where a model has such a file

    try:
        check_source(model.net(name), source)
    except ModelFileError as error:
        raise ConfigError(str(error)) from None


def check_calibration(model: ModelSpec, name: Net) -> None:
    """Raise `ConfigError` for a net that is to be made from an fp32 net of another format: ncnn's can be, no other."""
    if isinstance(model.nets[name].source, CalibrationSpec) and model.nets["fp32"].format != "ncnn":
        raise ConfigError(
            f"fp32 is a net of {model.nets['fp32'].format}, and what is made from it is a net of ncnn: name ncnn files "
            "under `fp32` (`param` and `bin`, or `onnx` to convert them), or name the quantized file here"
        )


def _facts(model: ModelSpec, side: Net) -> StaticFacts:
    try:
        return get_format(model.nets[side].format).inspect(model.net(side))
    except ModelFileError as error:
        raise ConfigError(f"{side}: {error}") from None


def _check_kept_float(model: ModelSpec, calibration: CalibrationSpec) -> None:
    from pytest_quant.nets.ncnn.format import check_kept_float

    check_kept_float(model.net("fp32"), calibration.keep_float)


def _check_channels(fp32: StaticFacts, other: StaticFacts, name: Net) -> None:
    for blob, one in fp32.output_channels.items():
        two = other.output_channels.get(blob)
        if two is not None and one != two:
            raise ConfigError(
                f"output {blob!r} has {one} channels in fp32 and {two} in {name}: these are files of two models"
            )


def _check_precision(model: ModelSpec, fp32: StaticFacts | None, int8: StaticFacts | None) -> None:
    if fp32 is None or not fp32.quantized:
        return
    layers = sum(fp32.quantized.values())
    found_text = f"fp32: {_file(model, 'fp32')} is an int8 net ({layers} quantized layers)"
    if int8 is None:
        raise ConfigError(f"{found_text}: name the net before quantization under `fp32`")
    if int8.quantized:
        raise ConfigError(f"{found_text}, and so is int8: name the net before quantization under `fp32`")
    raise ConfigError(f"{found_text}, and {_file(model, 'int8')} under `int8` is a float net: the two are swapped")


def _notes(model: ModelSpec, found: Mapping[Net, StaticFacts]) -> tuple[str, ...]:
    """What is odd in the files, once for all nets that have it."""
    files_by_text: dict[str, list[str]] = {}
    for name, facts in found.items():
        for text in facts.notes:
            files_by_text.setdefault(text, []).append(_file(model, name))
    return tuple(f"{listed(files)}: {text}" for text, files in files_by_text.items())


def _file(model: ModelSpec, name: Net) -> str:
    net = model.net(name)
    return shown(next(iter(get_format(net.format).files(net).values())))
