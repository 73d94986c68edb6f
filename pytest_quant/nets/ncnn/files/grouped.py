"""Grouped convolutions that ncnn computes wrongly in int8.

ncnn 1.0.20261020 on x86 answers with what lies in memory where an int8 grouped convolution has a multiple of 8 outputs
per group and gives floats, that is, where anything but int8 convolutions reads it. Found by measurement
(``benchmarks/grouped_int8.py``); depthwise ones, and those that pass int8 on, are right.
"""

from __future__ import annotations

from collections.abc import Collection

from pytest_quant.nets.ncnn.files.param import Layer, Param

_CONVOLUTIONS = frozenset({"Convolution", "ConvolutionDepthWise"})
_LANES = 8

WHY = (
    "ncnn on x86 gives garbage for an int8 grouped convolution with a multiple of 8 outputs per group that anything "
    "but int8 convolutions reads"
)


def garbled_layers(param: Param, int8: Collection[str]) -> tuple[str, ...]:
    """The layers of ``int8`` (names of the layers that are int8, or are to be) that ncnn would compute wrongly."""
    return tuple(layer.name for layer in param.layers if layer.name in int8 and _is_garbled(param, layer, int8))


def with_garbled(param: Param, quantizable: Collection[str], keep_float: Collection[str]) -> frozenset[str]:
    """``keep_float`` and the layers that must be float as well then, so that nothing is computed wrongly."""
    kept = frozenset(keep_float)
    while more := garbled_layers(param, frozenset(quantizable) - kept):
        kept |= frozenset(more)
    return kept


def _is_garbled(param: Param, layer: Layer, int8: Collection[str]) -> bool:
    if layer.type != "ConvolutionDepthWise":
        return False
    outputs, groups = layer.get_int(0), layer.get_int(7, 1)
    if groups < 2 or outputs % groups or (outputs // groups) % _LANES:
        return False
    readers = param.consumers[layer.tops[0]]
    if len(readers) == 1 and readers[0].type == "Split":
        readers = tuple(reader for top in readers[0].tops for reader in param.consumers[top])
    return not readers or not all(reader.type in _CONVOLUTIONS and reader.name in int8 for reader in readers)
