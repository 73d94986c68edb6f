"""Scales of weights: one per output channel, or per group of a grouped convolution, from the weights alone."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.files.lint import CALIBRATED_TYPES, scale_count
from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.nets.ncnn.files.weights import Weights
from pytest_quant.quantize.aciq import aciq_threshold

WeightMethod = Literal["absmax", "aciq"]

_LARGEST_BY_BITS = {6: 31, 8: 127}


def weight_scales(
    param: Param,
    weights: Weights,
    *,
    method: WeightMethod = "absmax",
    eight_bit: bool = False,
    zero_scale: float = 1.0,
) -> dict[str, tuple[float, ...]]:
    """Return the scales of every Convolution, ConvolutionDepthWise and InnerProduct with weights, by layer name.

    Args:
        param: the float network.
        weights: its weights.
        method: ``absmax`` keeps the largest weight, ``aciq`` clips (see `pytest_quant.quantize.aciq`).
        eight_bit: use 8 bits everywhere. By default 3x3 convolutions of stride 1 and dilation 1 get 6 bits, as in
            ncnn2table, so that ncnn's Winograd kernels cannot overflow.
        zero_scale: scale of a channel whose weights are all zero; ncnn2table prints infinity.

    """
    scales: dict[str, tuple[float, ...]] = {}
    for layer in param.layers:
        rows = scale_count(param, layer) if layer.type in CALIBRATED_TYPES else None
        if rows is not None:
            values = weights.read(weights.of(layer)["weight"]).astype(np.float32).reshape(rows, -1)
            bits = 6 if _runs_winograd(layer) and not eight_bit else 8
            scales[layer.name] = _scales(values, bits, method, zero_scale)
    return scales


def _runs_winograd(layer: Layer) -> bool:
    if layer.type != "Convolution":
        return False
    pairs = ((1, 11, 0, 3), (2, 12, 1, 1), (3, 13, 1, 1))  # width, height, default, wanted: kernel, dilation, stride
    return all(
        layer.get_int(w, default) == wanted == layer.get_int(h, layer.get_int(w, default))
        for w, h, default, wanted in pairs
    )


def _scales(values: NDArray[np.float32], bits: int, method: WeightMethod, zero_scale: float) -> tuple[float, ...]:
    threshold: NDArray[np.float32] = np.abs(values).max(axis=1)
    if method == "aciq":
        threshold = aciq_threshold(threshold, values.shape[1], bits)
    with np.errstate(divide="ignore", over="ignore"):
        scales = np.float32(_LARGEST_BY_BITS[bits]) / threshold
    return tuple(zero_scale if math.isinf(scale) else scale for scale in scales.tolist())
