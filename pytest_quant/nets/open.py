"""Opening a net of a model, with what its files tell about its input."""

from __future__ import annotations

import threading

from pytest_quant.nets.base import Runner
from pytest_quant.nets.ncnn.files.facts import inspect_net
from pytest_quant.nets.ncnn.files.input_hints import InputHint
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup, ncnn_version
from pytest_quant.nets.ncnn.probe import probe
from pytest_quant.nets.onnxruntime.onnx_sessions import onnx_runtime
from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES, Net, Side
from pytest_quant.spec.text import shown

_DEFAULT_TRIAL_SIDE = 224
_trials: dict[NetSetup, str | None] = {}
_trials_lock = threading.Lock()


def open_runner(model: ModelSpec, net: Net) -> Runner:
    """Load a net of a model.

    Raises `ModelFileError` when its files are damaged or its runtime cannot load them, and `ConfigError` when the model
    has no such net or its ONNX file does not fit the entry.
    """
    if net == "fp32" or net == "int8":
        return _open_ncnn(model, net)
    file = model.onnx_file(net)
    if file is None:
        raise ConfigError(f"{model.name}: has no `{net}` in {shown(model.zoo)}")
    from pytest_quant.nets.onnxruntime.onnx_net import open_onnx  # onnx is imported only where a model has such a file

    return open_onnx(model, file)


def runtime_of(net: Net) -> str:
    """Name and version of what runs a net."""
    return f"ncnn {ncnn_version()}" if net in SIDES else onnx_runtime()


def _open_ncnn(model: ModelSpec, side: Side) -> NcnnRunner:
    """Load one of the ncnn nets.

    The files are walked first; when they hold a layer type that the walk does not know, they are loaded and run once
    in a child process before this one touches them.
    """
    files = model.files(side)
    facts = inspect_net(files.param, files.bin)
    channels = facts.input_channels.get(model.input.blob)
    setup = NetSetup(files, model.input.blob, model.outputs, model.runtime, channels, model.input.size)
    if facts.unknown_types:
        hint = facts.input_hints.get(model.input.blob, InputHint())
        width, height = model.input.size or hint.size or (_DEFAULT_TRIAL_SIDE, _DEFAULT_TRIAL_SIDE)
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
