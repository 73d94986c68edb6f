"""Whether quantization scales are plausible and belong to the model.

An error is what breaks the net; a warning says what is unusual. What is an outlier was set by looking at real tables.
The scale of an input covers the whole blob: real ones lie between 0.05 and 5000, and one far away from that clips or
erases every value. Scales of weights are another matter, see `pytest_quant.nets.ncnn.files.lint_weights`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import median

import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.files.arrays import INT8_LAYER_TYPES, QUANTIZABLE_TYPES, array_specs, int8_term
from pytest_quant.nets.ncnn.files.finding import Finding
from pytest_quant.nets.ncnn.files.lint_weights import (
    block_findings,
    deadening_findings,
    input_findings,
    known_weight_findings,
    weight_findings,
)
from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.nets.ncnn.files.static_scales import static_scale_counts
from pytest_quant.nets.ncnn.files.table import Table, layer_of
from pytest_quant.nets.ncnn.files.weights import Weights
from pytest_quant.spec.text import shown

# Types that ncnn2int8 takes from a table and that need a scale of the input.
CALIBRATED_TYPES = frozenset({"Convolution", "ConvolutionDepthWise", "InnerProduct"})

_ACTIVATION_RANGE = (1e-6, 1e6)
_CODE_SCALES = ("scale", "scale_in", "scale_out")
_CODE_RANGE = (1e-15, 1e6)
"""Of a scale that may have both an input's and a weight's in its denominator."""
_FAR_FROM_MEDIAN = 1e5
_UNUSUAL_FROM_MEDIAN = 1e3


def lint_table(table: Table, param: Param, weights: Weights | None = None) -> list[Finding]:
    """Check that a calibration table belongs to the (float or int8) model and holds usable scales.

    With the float model's ``weights``, scales of weights are held against these; without, against each other.
    """
    layers = {layer.name: layer for layer in param.layers}
    known = [name for name in table.layers if name in layers]
    if not known:
        names = ", ".join(table.layers[:3])
        return [
            Finding(
                "error",
                "",
                f"none of the table's layers ({names}, ...) is in {shown(param.path)}: another model's table",
            )
        ]
    findings = [*_membership(table, layers)]
    for name in known:
        if layers[name].type in CALIBRATED_TYPES:
            findings += _entries(table, param, layers[name])
        findings += _static_entries(table, param, layers[name])
    largest = {} if weights is None else _largest_weights(param, weights)
    return [*findings, *lint_entries(table, largest)]


def lint_entries(table: Table, largest_weights: Mapping[str, NDArray[np.float32]] | None = None) -> list[Finding]:
    """Check the scales of a table alone, whatever model it belongs to.

    ``largest_weights``: layer to the largest absolute weight of each channel, shape (channels,), where they are known.
    """
    findings: list[Finding] = []
    for entry, scales in table.weights.items():
        name = layer_of(entry)
        largest = (largest_weights or {}).get(name)
        if largest is not None and len(largest) == len(scales):
            findings += known_weight_findings(name, scales, largest)
        else:
            findings += weight_findings(name, scales, is_static=name not in table.activations)
    return [*findings, *_activation_findings(table.activations)]


def _largest_weights(param: Param, weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The largest absolute weight of each channel, shape (channels,), of the float layers that a table quantizes."""
    found = {}
    for layer in param.layers:
        rows = scale_count(param, layer) if layer.type in CALIBRATED_TYPES and not int8_term(layer) else None
        if rows is not None and (array := weights.of(layer).get("weight")) is not None:
            found[layer.name] = np.abs(weights.read(array).astype(np.float32)).reshape(rows, -1).max(axis=1)
    return found


def lint_scales(weights: Weights) -> list[Finding]:
    """Check the scales that an int8 model's ``.bin`` holds, by the rules of `lint_table`."""
    findings: list[Finding] = []
    activations: dict[str, float] = {}
    outputs: dict[str, float] = {}
    for array in weights.arrays:
        if array.role.endswith(("weight_scales", "weight_a_scales")):
            is_static = array.layer.type not in CALIBRATED_TYPES
            findings += weight_findings(array.layer.name, weights.read(array).tolist(), is_static=is_static)
        elif array.role == "bottom_scale":
            activations[array.layer.name] = float(weights.read(array)[0])
        elif array.role == "block_scales":
            findings += block_findings(array.layer.name, weights.read(array).astype(np.float64))
        elif array.role == "input_scales":
            findings += input_findings(array.layer.name, weights.read(array).astype(np.float64))
        elif array.role == "top_scale":
            outputs[array.layer.name] = float(weights.read(array)[0])
        elif array.layer.type in INT8_LAYER_TYPES and array.role in _CODE_SCALES:
            findings += _code_findings(array.layer.name, array.role, weights.read(array).astype(np.float64))
    return [*findings, *_activation_findings(activations), *_activation_findings(outputs, "output")]


def lint_scales_beside(int8: Weights, param: Param, fp32: Weights) -> list[Finding]:
    """Hold the weight scales of an int8 net against the weights of its float net, layers of the same name and shape."""
    largest = _largest_weights(param, fp32)
    sizes = {array.layer.name: array.count for array in fp32.arrays if array.role == "weight"}
    findings: list[Finding] = []
    for array in int8.arrays:
        name, found = array.layer.name, int8.of(array.layer)
        if array.role != "weight_scales" or name not in largest or "weight" not in found:
            continue
        scales, weights = int8.read(array).astype(np.float32), int8.read(found["weight"]).astype(np.float32)
        if len(scales) == len(largest[name]) and weights.size == sizes[name]:
            findings += deadening_findings(name, scales, weights.reshape(len(scales), -1), largest[name])
    return findings


def _code_findings(name: str, role: str, scales: NDArray[np.float64]) -> Iterator[Finding]:
    """The scales of a Quantize, Dequantize or Requantize layer: what makes codes of values, or values of codes."""
    low, high = _ACTIVATION_RANGE if role == "scale_out" else _CODE_RANGE
    what = {"scale_in": "the input scale", "scale_out": "the output scale"}.get(role, "the scale")
    for bad, why in (
        (np.isnan(scales), "not a number"),
        (np.isinf(scales), "infinite"),
        (scales < 0, "negative"),
        (scales == 0 if (scales == 0).all() or role == "scale_out" else np.zeros(0, bool), "zero"),
        ((scales > 0) & (scales < low), f"{scales.min():g}, which erases everything"),
        (np.isfinite(scales) & (scales > high), f"{scales.max():g}, far beyond what a net has"),
    ):
        if bad.any():
            of = f" of {bad.sum()} of {len(scales)} channels" if len(scales) > 1 else ""
            yield Finding("error", name, f"{what}{of} is {why}")


def _membership(table: Table, layers: dict[str, Layer]) -> Iterator[Finding]:
    for name in table.layers:
        if name not in layers:
            yield Finding("error", name, "the table names a layer that the model does not have: another model's table")
        elif layers[name].type not in QUANTIZABLE_TYPES:
            yield Finding("error", name, f"the table names a {layers[name].type} layer, which ncnn does not quantize")
    for layer in layers.values():
        if layer.type in CALIBRATED_TYPES and layer.name not in table.activations:
            line = table.commented.get(layer.name)
            why = "the table has no input scale for" if line is None else f"line {line} of the table comments out"
            yield Finding("warning", layer.name, f"{why} this {layer.type}: it stays float")


def _entries(table: Table, param: Param, layer: Layer) -> Iterator[Finding]:
    scales = table.weight_scales(layer.name)
    if scales is None:
        if layer.name in table.activations:
            yield Finding("error", layer.name, f"an input scale {without_weights(table, layer.name)}")
        return
    expected = scale_count(param, layer)
    if expected is not None and len(scales) != expected:
        what = "groups" if layer.type == "ConvolutionDepthWise" else "outputs"
        yield Finding("error", layer.name, f"{len(scales)} weight scales for {expected} {what}: another model's table")


def _static_entries(table: Table, param: Param, layer: Layer) -> Iterator[Finding]:
    for entry, expected in static_scale_counts(param, layer).values():
        scales = table.weights.get(entry)
        if scales is None:
            yield Finding("error", layer.name, f"no line {entry}, which a {layer.type} needs: ncnn2int8 fails")
        elif len(scales) != expected:
            yield Finding(
                "error", layer.name, f"{len(scales)} scales in {entry}, expected {expected}: another model's table"
            )


def scale_count(param: Param, layer: Layer) -> int | None:
    """Return the number of weight scales of a convolution or fully connected layer, None where it has no weights."""
    specs = array_specs(param, layer, as_float=True)
    if not specs:
        return None
    return layer.get_int(7, 1) if layer.type == "ConvolutionDepthWise" else layer.get_int(0)


def without_weights(table: Table, layer: str) -> str:
    """What happens to a layer whose input scale stands in the table, and whose weight scales do not."""
    entry = f"{layer}_param_0"
    if entry not in table.commented:
        return f"without its line {entry}: ncnn2int8 fails"
    return (
        f"without its line {entry}, which is commented out (line {table.commented[entry]}): ncnn2int8 stops there and "
        f"leaves what follows float; comment out the line of {layer} as well"
    )


def _activation_findings(activations: Mapping[str, float], which: str = "input") -> Iterator[Finding]:
    usable = [scale for scale in activations.values() if 0 < scale < math.inf]
    middle = median(usable) if usable else 1.0
    low, high = _ACTIVATION_RANGE
    for name, scale in activations.items():
        yield from _unusable(name, scale, which)
        if not 0 < scale < math.inf:
            continue
        ratio = max(scale / middle, middle / scale)
        if not low <= scale <= high or ratio > _FAR_FROM_MEDIAN:
            kept = f"it keeps {which}s up to {127 / scale:g}"
            yield Finding("error", name, f"{which} scale {scale:g} is an outlier (median {middle:g}): {kept}")
        elif ratio > _UNUSUAL_FROM_MEDIAN:
            yield Finding("warning", name, f"{which} scale {scale:g} is unusual beside a median of {middle:g}")


def _unusable(name: str, scale: float, which: str) -> Iterator[Finding]:
    kinds = {
        f"infinite (ncnn2table prints that for {which}s that are all zero, or without images)": math.isinf(scale),
        "not a number": math.isnan(scale),
        "zero": scale == 0,
        "negative": -math.inf < scale < 0,
    }
    yield from (Finding("error", name, f"the {which} scale is {kind}") for kind, is_so in kinds.items() if is_so)
