"""``dead-weights``: quantized layers whose weights are nearly all zero."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.judging.sanity.ncnn_graph import int8_files, param_of, quantized_layers
from pytest_quant.nets.ncnn.files.weights import walk
from pytest_quant.spec.text import first_few

_DEAD_SHARE = 0.99
"""Of a layer's int8 weights; a sound int8 layer loses a few percent of its weights to zero."""


def find_dead(look: Look) -> Iterator[Finding]:
    """A warning about nets of ncnn."""
    files = int8_files(look)
    if files is None:
        return
    param = param_of(files)
    weights = walk(param, files.bin)
    dead = []
    for layer in quantized_layers(param):
        arrays = [weights.read(one) for one in weights.of(layer).values() if one.storage == "int8"]
        if arrays and min(float((array == 0).mean()) for array in arrays) >= _DEAD_SHARE:
            dead.append(layer.name)
    if dead:
        yield Finding(
            "dead-weights",
            "warning",
            f"the int8 weights of {len(dead)} quantized layers are zero ({first_few(dead)})",
            "what they add is lost: was the net quantized with weight scales of another unit?",
        )
