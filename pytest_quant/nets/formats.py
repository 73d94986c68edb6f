"""The net formats by name; each is imported when a model has a net of it."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from pytest_quant.nets.format import NetFormat
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import ModelNet, Net
from pytest_quant.spec.text import shown

_FORMATS = {
    "ncnn": "pytest_quant.nets.ncnn.format:NcnnFormat",
    "onnxruntime": "pytest_quant.nets.onnxruntime.format:OnnxruntimeFormat",
}


def format_names() -> tuple[str, ...]:
    """The names of all formats."""
    return tuple(_FORMATS)


@cache
def get_format(name: str) -> NetFormat:
    """The format of that name; raises `KeyError` when there is none."""
    module, _, attribute = _FORMATS[name].partition(":")
    found = getattr(import_module(module), attribute)()
    if not isinstance(found, NetFormat):
        raise TypeError(f"{_FORMATS[name]} is no NetFormat")
    return found


def net_of(model: ModelSpec, name: Net) -> ModelNet:
    """A net of a model; raises `ConfigError` when the model does not have it."""
    if name not in model.nets:
        raise ConfigError(f"{model.name}: has no `{name}` in {shown(model.zoo)}")
    return model.net(name)


def runtime_of(model: ModelSpec, name: Net) -> str:
    """Name and version of what runs a net."""
    format_name = model.nets[name].format
    return f"{format_name} {get_format(format_name).version()}"
