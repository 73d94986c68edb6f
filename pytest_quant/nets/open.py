"""Opening a net of a model, whatever its format."""

from __future__ import annotations

from pytest_quant.nets.base import Runner
from pytest_quant.nets.formats import get_format, net_of
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net


def open_runner(model: ModelSpec, net: Net) -> Runner:
    """Load a net of a model.

    Raises `ModelFileError` when its files are damaged or its runtime cannot load them, and `ConfigError` when the model
    has no such net or its files do not fit the entry.
    """
    found = net_of(model, net)
    return get_format(found.format).open(found)
