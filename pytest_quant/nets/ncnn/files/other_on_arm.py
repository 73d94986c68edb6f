"""int8 layers that x86 computes otherwise than every ARM does (``docs/targets.md``).

Depthwise convolutions: where 8 channels are packed, ncnn's x86 kernel multiplies by an approximate reciprocal (12 bits)
of the scales instead of dividing by them, so single int8 values flip and the error grows through the net. Without
packing x86 divides, as aarch64 does, and gives its outputs to the bit (``benchmarks/aarch64_outputs.py``).

Fused LeakyReLU: where the output stays int8, ARM saturates at -128 and x86 at -127. No option makes them equal.
"""

from __future__ import annotations

from pytest_quant.nets.ncnn.files.arrays import int8_term, kernel_size
from pytest_quant.nets.ncnn.files.param import Layer, Param

_LANES = 8
_LEAKY_RELU = 2
_INT8_OUT = 100
"""A quantization term above it: the output is int8, too."""

SATURATES = (
    "their LeakyReLU is fused into int8 outputs, which ARM saturates at -128 and x86 at -127: the device gives other "
    "values (`pytest-quant docs targets`)"
)


def approximated_layers(param: Param) -> tuple[str, ...]:
    """The int8 depthwise layers whose channels x86 packs by 8, in file order."""
    return tuple(layer.name for layer in param.layers if _is_approximated(layer))


def _is_approximated(layer: Layer) -> bool:
    if layer.type != "ConvolutionDepthWise" or not int8_term(layer):
        return False
    outputs, groups, weights = layer.get_int(0), layer.get_int(7, 1), layer.get_int(6)
    is_depthwise = outputs == groups and weights == kernel_size(layer) * outputs
    return is_depthwise and outputs % _LANES == 0


def saturating_layers(param: Param) -> tuple[str, ...]:
    """The int8 convolutions that fuse a LeakyReLU into an int8 output, in file order."""
    kinds = ("Convolution", "ConvolutionDepthWise")
    return tuple(
        layer.name
        for layer in param.layers
        if layer.type in kinds and int8_term(layer) > _INT8_OUT and layer.get_int(9) == _LEAKY_RELU
    )
