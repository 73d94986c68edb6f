"""Loading a net of ncnn, with what its files tell about its input."""

from __future__ import annotations

from pytest_quant.nets.ncnn.feeding import feeding_of
from pytest_quant.nets.ncnn.files.facts import inspect_net
from pytest_quant.nets.ncnn.files.input_hints import InputHint
from pytest_quant.nets.ncnn.format import input_blob, net_files, output_blobs
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup
from pytest_quant.nets.ncnn.size_check import check_size
from pytest_quant.spec.net import ModelNet


def open_ncnn(net: ModelNet) -> NcnnRunner:
    """Load one of the ncnn nets, after a walk of its files."""
    files = net_files(net)
    facts = inspect_net(files.param, files.bin)
    blob = input_blob(net)
    fed = feeding_of(net, facts)
    channels = fed.channels
    hint = facts.input_hints.get(blob, InputHint())
    if net.input.size is not None and hint.size is not None and hint.size != net.input.size:
        width, height = net.input.size
        check_size(files.param, files.bin, (channels or net.input.channels, height, width))
    return NcnnRunner(
        NetSetup(
            files, blob, output_blobs(net), net.runtime, channels, net.input.size, net.outputs, facts.rows, fed.arrays
        )
    )
