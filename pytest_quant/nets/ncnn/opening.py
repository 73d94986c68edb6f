"""Loading a net of ncnn, with what its files tell about its input."""

from __future__ import annotations

import threading

from pytest_quant.nets.ncnn.files.facts import inspect_net
from pytest_quant.nets.ncnn.files.input_hints import InputHint
from pytest_quant.nets.ncnn.format import input_blob, net_files, output_blobs
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup
from pytest_quant.nets.ncnn.probe import probe
from pytest_quant.nets.ncnn.size_check import check_size
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.net import ModelNet

_DEFAULT_TRIAL_SIDE = 224
_trials: dict[NetSetup, str | None] = {}
_trials_lock = threading.Lock()


def open_ncnn(net: ModelNet) -> NcnnRunner:
    """Load one of the ncnn nets.

    The files are walked first; when they hold a layer type that the walk does not know, they are loaded and run once
    in a child process before this one touches them.
    """
    files = net_files(net)
    facts = inspect_net(files.param, files.bin)
    blob = input_blob(net)
    channels = facts.input_channels.get(blob)
    setup = NetSetup(files, blob, output_blobs(net), net.runtime, channels, net.input.size, net.outputs, facts.rows)
    hint = facts.input_hints.get(blob, InputHint())
    if facts.unknown_types:
        width, height = net.input.size or hint.size or (_DEFAULT_TRIAL_SIDE, _DEFAULT_TRIAL_SIDE)
        _try_once(setup, (channels or net.input.channels, height, width))
    if net.input.size is not None and hint.size is not None and hint.size != net.input.size:
        width, height = net.input.size
        check_size(files.param, files.bin, (channels or net.input.channels, height, width))
    return NcnnRunner(setup)


def _try_once(setup: NetSetup, shape: tuple[int, ...]) -> None:
    with _trials_lock:
        if setup not in _trials:
            try:
                probe(setup.files, setup.input_blob, shape, setup.outputs, setup.rows)
            except ModelFileError as error:
                _trials[setup] = str(error)
            else:
                _trials[setup] = None
        message = _trials[setup]
    if message is not None:
        raise ModelFileError(message)
