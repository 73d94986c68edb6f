"""``unread-layers``: quantized layers that no output depends on, so that a float net is measured as int8."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.judging.sanity.ncnn_graph import int8_files, param_of, quantized_layers, read_by_outputs
from pytest_quant.spec.text import first_few


def find_unread(look: Look) -> Iterator[Finding]:
    """A warning about nets of ncnn."""
    files = int8_files(look)
    if files is None:
        return
    param, net = param_of(files), look.model.net("int8")
    quantized = quantized_layers(param)
    read = read_by_outputs(param, net.output_names or net.outputs)
    unread = [layer.name for layer in quantized if layer.name not in read]
    if unread and read:
        yield Finding(
            "unread-layers",
            "warning",
            f"the outputs depend on {len(quantized) - len(unread)} of {len(quantized)} quantized layers of int8; "
            f"nothing reads {first_few(unread)}",
            "is `output` the right blob, and is this the net that will be deployed?",
        )
