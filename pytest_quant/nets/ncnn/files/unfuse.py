"""An int8 net with a float value behind every layer: the same net without the requantize fusion of ncnn2int8.

A fused convolution (term above 100) rounds its output with the input scale of the layer that reads it. Unfused it gives
floats and that layer does the rounding, with the same scale: each error then arises in the layer that causes it.
"""

from __future__ import annotations

import re
from pathlib import Path

from pytest_quant.nets.ncnn.files.arrays import int8_term, int8_term_key
from pytest_quant.nets.ncnn.files.param import Layer, Param, read_param
from pytest_quant.nets.ncnn.files.weights import Weights, walk
from pytest_quant.nets.ncnn.files.writer import replace_file

_REQUANTIZE = 100


def gives_int8(layer: Layer) -> bool:
    """Whether the blob behind the layer holds int8 values."""
    return layer.type.startswith("Convolution") and int8_term(layer) > _REQUANTIZE


def output_scales(param: Param, weights: Weights) -> dict[str, float]:
    """Every blob that holds int8 values, copies included, to the scale it was multiplied with.

    Raises:
        ModelFileError: a scale stands behind a layer whose format is not known.

    """
    scales: dict[str, float] = {}
    for layer in param.layers:
        if gives_int8(layer):
            _check_known(param, weights, layer)
            array = weights.of(layer)["top_scale"]
            scales[layer.tops[0]] = float(weights.read(array)[0])
        elif layer.type == "Split" and layer.bottoms[0] in scales:
            scales |= dict.fromkeys(layer.tops, scales[layer.bottoms[0]])
    return scales


def write_unfused(param: Param, weights: Weights, out_param: Path, out_bin: Path) -> None:
    """Write the net without the fusion.

    Raises:
        ModelFileError: a scale stands behind a layer whose format is not known.

    """
    fused = [layer for layer in param.layers if gives_int8(layer)]
    lines = param.path.read_text(encoding="utf-8").splitlines()
    dropped = []
    for layer in fused:
        _check_known(param, weights, layer)
        pair = rf"(?<=\s){int8_term_key(layer.type)}=\+?{int8_term(layer)}(?=\s|$)"
        term = int8_term(layer) - _REQUANTIZE
        lines[layer.line - 1] = re.sub(pair, f"{int8_term_key(layer.type)}={term}", lines[layer.line - 1])
        dropped.append(weights.of(layer)["top_scale"])
    data = weights.path.read_bytes()
    starts = [0, *(array.end for array in dropped)]
    ends = [*(array.offset for array in dropped), len(data)]
    replace_file(out_param, ["\n".join([*lines, ""]).encode()])
    replace_file(out_bin, (data[start:end] for start, end in zip(starts, ends, strict=True)))
    walk(read_param(out_param), out_bin)


def _check_known(param: Param, weights: Weights, layer: Layer) -> None:
    for unknown in weights.unknown:
        if unknown.line < layer.line:
            raise param.error(unknown, f"its format is not known, so the scale of {layer.name!r} cannot be found")
