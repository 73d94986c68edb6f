"""How many multiply-accumulates a layer takes, from its parameters and the shapes of its blobs."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from pytest_quant.nets.ncnn.files.arrays import CONVOLUTIONS
from pytest_quant.nets.ncnn.files.param import Layer

Shape = Sequence[int]


def multiply_accumulates(layer: Layer, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int | None:
    """Count those of a convolution, deconvolution or inner product; None for other layers, which are not counted.

    Args:
        layer: the layer.
        bottoms: shapes of its inputs as NumPy gives them: (channels, height, width), (rows, values) or (values,).
        tops: shapes of its outputs.

    >>> conv = Layer("Convolution", "c", ("a",), ("b",), {0: 8, 1: 3, 6: 8 * 3 * 9}, 1)
    >>> multiply_accumulates(conv, [(3, 10, 10)], [(8, 10, 10)]) == 8 * 3 * 9 * 100
    True

    """
    if layer.type in CONVOLUTIONS:
        # The weights are already counted per group; each of them is used once per place of the kernel.
        places = bottoms[0][1:] if layer.type.startswith("Deconvolution") else tops[0][1:]
        return layer.get_int(6) * prod(places) or None
    if layer.type == "InnerProduct":
        rows = tops[0][0] if len(tops[0]) > 1 else 1
        return layer.get_int(2) * rows
    return None
