"""The nets of a model, whatever their formats: what runs them, and opening them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError

from pytest_quant.evaluation.trials import Trials
from pytest_quant.extending.known import get_format
from pytest_quant.nets.base import Runner
from pytest_quant.nets.given import Given, shape_of
from pytest_quant.nets.trial.words import Shape
from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import ModelNet, Net
from pytest_quant.spec.text import shown


def net_of(model: ModelSpec, name: Net) -> ModelNet:
    """A net of a model; raises `ConfigError` when the model does not have it, `ModelFileError` when it is unusable."""
    model.check_usable(name)
    if name not in model.nets:
        raise ConfigError(f"{model.name}: has no `{name}` in {shown(model.zoo)}")
    return model.net(name)


def open_runner(model: ModelSpec, name: Net, first: Given | None = None, trials: Trials | None = None) -> Runner:
    """Load a net of a model, which a child process has loaded before and run once.

    Args:
        model: the model.
        name: which of its nets.
        first: the first input that it is to take, which the child runs, too; None: the child only loads a net of which
            ``input.size`` does not say what it takes.
        trials: where verdicts are kept; None: in memory.

    Raises:
        ModelFileError: its files are damaged, its runtime cannot load them, or dies of them.
        ConfigError: the model has no such net, or its files do not fit the entry.
        RunnerError: the child was ended from outside.

    """
    net = net_of(model, name)
    said = have_tried(net, None if first is None else shape_of(first), trials, first)
    try:
        return get_format(net.format).open(net)
    except ModelFileError as error:
        raise ModelFileError(f"{error} (it printed: {said})" if said else str(error)) from error


def have_tried(
    net: ModelNet, shape: Shape | None = None, trials: Trials | None = None, given: Given | None = None
) -> str:
    """Have a child process try a net that was never tried; see `open_runner`, gives what the runtime printed."""
    try:
        return (trials or Trials()).require(net, written_shape(net) or shape, given)
    except PackageNotFoundError:  # there is nothing to try it with, which opening it says with the command to run
        return ""


def try_input(model: ModelSpec, trials: Trials, nets: Sequence[Net], name: Net, given: Given) -> None:
    """Have a child process run ``nets``, or the one of that name alone, on an input; raises as `open_runner`."""
    for one in nets or (name,):
        trials.require_input(net_of(model, one), given)


def written_shape(net: ModelNet) -> Shape | None:
    """The shape of the input that the net's entry says; None where images keep their own size."""
    size = net.input.size
    return None if size is None else (net.input.channels, size[1], size[0])


def runtime_of(model: ModelSpec, name: Net) -> str:
    """Name and version of what runs a net."""
    net = model.net(name)
    found = get_format(net.format)
    return f"{net.format} {found.version()}" if net.target is None else found.told_by(net.target)
