"""int8 depthwise convolutions that x86 computes otherwise than every ARM does.

Where 8 channels are packed, ncnn's x86 kernel multiplies by an approximate reciprocal (12 bits) of the scales instead
of dividing by them, so single int8 values flip and the error grows through the net. Without packing x86 divides, as
aarch64 does, and gives its outputs to the bit (``docs/targets.md``, ``benchmarks/aarch64_outputs.py``).
"""

from __future__ import annotations

from pytest_quant.nets.ncnn.files.arrays import int8_term, kernel_size
from pytest_quant.nets.ncnn.files.param import Layer, Param

_LANES = 8


def approximated_layers(param: Param) -> tuple[str, ...]:
    """The int8 depthwise layers whose channels x86 packs by 8, in file order."""
    return tuple(layer.name for layer in param.layers if _is_approximated(layer))


def _is_approximated(layer: Layer) -> bool:
    if layer.type != "ConvolutionDepthWise" or not int8_term(layer):
        return False
    outputs, groups, weights = layer.get_int(0), layer.get_int(7, 1), layer.get_int(6)
    is_depthwise = outputs == groups and weights == kernel_size(layer) * outputs
    return is_depthwise and outputs % _LANES == 0
