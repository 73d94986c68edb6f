"""Opening the net of one side of a model, with what its files tell about its input."""

from __future__ import annotations

import threading

from pytest_quant.errors import ModelFileError
from pytest_quant.ncnn_files.facts import inspect_net
from pytest_quant.runners.ncnn_net import NcnnRunner, NetSetup
from pytest_quant.runners.probe import probe
from pytest_quant.spec import ModelSpec, Side

_DEFAULT_TRIAL_SIDE = 224
_trials: dict[NetSetup, str | None] = {}
_trials_lock = threading.Lock()


def open_runner(model: ModelSpec, side: Side) -> NcnnRunner:
    """Load one side of a model; raises `ModelFileError` when its files are damaged or ncnn cannot load them.

    The files are walked first; when they hold a layer type that the walk does not know, they are loaded and run once
    in a child process before this one touches them.
    """
    files = model.files(side)
    facts = inspect_net(files.param, files.bin)
    channels = facts.input_channels.get(model.input.blob)
    size = facts.input_size.get(model.input.blob) or model.input.size
    setup = NetSetup(files, model.input.blob, model.outputs, model.runtime, channels, size)
    if facts.unknown_types:
        width, height = size or (_DEFAULT_TRIAL_SIDE, _DEFAULT_TRIAL_SIDE)
        _try_once(setup, (channels or model.input.channels, height, width))
    return NcnnRunner(setup)


def _try_once(setup: NetSetup, shape: tuple[int, ...]) -> None:
    with _trials_lock:
        if setup not in _trials:
            try:
                probe(setup.files, setup.input_blob, shape, setup.outputs)
            except ModelFileError as error:
                _trials[setup] = str(error)
            else:
                _trials[setup] = None
        message = _trials[setup]
    if message is not None:
        raise ModelFileError(message)
