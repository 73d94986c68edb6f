"""The nets of a model, whatever their formats: what runs them, and opening them."""

from __future__ import annotations

from pytest_quant.extending.known import get_format
from pytest_quant.nets.base import Runner
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import ModelNet, Net
from pytest_quant.spec.text import shown


def net_of(model: ModelSpec, name: Net) -> ModelNet:
    """A net of a model; raises `ConfigError` when the model does not have it."""
    if name not in model.nets:
        raise ConfigError(f"{model.name}: has no `{name}` in {shown(model.zoo)}")
    return model.net(name)


def open_runner(model: ModelSpec, name: Net) -> Runner:
    """Load a net of a model.

    Raises `ModelFileError` when its files are damaged or its runtime cannot load them, and `ConfigError` when the model
    has no such net or its files do not fit the entry.
    """
    net = net_of(model, name)
    return get_format(net.format).open(net)


def runtime_of(model: ModelSpec, name: Net) -> str:
    """Name and version of what runs a net."""
    net = model.net(name)
    found = get_format(net.format)
    return f"{net.format} {found.version()}" if net.target is None else found.told_by(net.target)
