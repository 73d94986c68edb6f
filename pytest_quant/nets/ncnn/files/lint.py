"""Whether quantization scales are plausible and belong to the model.

What is an outlier was set by looking at real tables. A weight scale of 1e8 beside one of 50 is normal: ncnn2table
prints it for a channel that training left nearly dead, and it does no harm. A scale of an input is different, since it
covers the whole blob: real ones lie between 0.05 and 5000, and one far away from that clips or erases every value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from pytest_quant.nets.ncnn.files.arrays import QUANTIZABLE_TYPES, array_specs
from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.nets.ncnn.files.static_scales import static_scale_counts
from pytest_quant.nets.ncnn.files.table import Table, layer_of
from pytest_quant.nets.ncnn.files.weights import Weights
from pytest_quant.spec.text import shown

# Types that ncnn2int8 takes from a table and that need a scale of the input.
CALIBRATED_TYPES = frozenset({"Convolution", "ConvolutionDepthWise", "InnerProduct"})

_ACTIVATION_RANGE = (1e-6, 1e6)
_WEIGHT_RANGE = (1e-6, 1e12)
_FAR_FROM_MEDIAN = 1e5
_UNUSUAL_FROM_MEDIAN = 1e3


@dataclass(frozen=True)
class Finding:
    """One thing found in a table or in the scales of a ``.bin``.

    Attributes:
        severity: ``error``: the int8 model cannot be right; ``warning``: legitimate, but worth a look.
        layer: the layer's name; empty for a finding about the whole table.
        message: what was found and what it means.

    """

    severity: Literal["error", "warning"]
    layer: str
    message: str


def lint_table(table: Table, param: Param) -> list[Finding]:
    """Check that a calibration table belongs to the (float or int8) model and holds usable scales."""
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
    return [*findings, *lint_entries(table)]


def lint_entries(table: Table) -> list[Finding]:
    """Check the scales of a table alone, whatever model it belongs to."""
    findings: list[Finding] = []
    for entry, scales in table.weights.items():
        findings += _weight_findings(layer_of(entry), scales)
    return [*findings, *_activation_findings(table.activations)]


def lint_scales(weights: Weights) -> list[Finding]:
    """Check the scales that an int8 model's ``.bin`` holds, by the rules of `lint_table`."""
    findings: list[Finding] = []
    activations: dict[str, float] = {}
    for array in weights.arrays:
        if array.role.endswith("weight_scales"):
            findings += _weight_findings(array.layer.name, weights.read(array).tolist())
        elif array.role == "bottom_scale":
            activations[array.layer.name] = float(weights.read(array)[0])
    return [*findings, *_activation_findings(activations)]


def _membership(table: Table, layers: dict[str, Layer]) -> Iterator[Finding]:
    for name in table.layers:
        if name not in layers:
            yield Finding("error", name, "the table names a layer that the model does not have: another model's table")
        elif layers[name].type not in QUANTIZABLE_TYPES:
            yield Finding("error", name, f"the table names a {layers[name].type} layer, which ncnn does not quantize")
    for layer in layers.values():
        if layer.type in CALIBRATED_TYPES and layer.name not in table.activations:
            yield Finding("warning", layer.name, f"the table has no input scale for this {layer.type}: it stays float")


def _entries(table: Table, param: Param, layer: Layer) -> Iterator[Finding]:
    scales = table.weight_scales(layer.name)
    if scales is None:
        if layer.name in table.activations:
            yield Finding("error", layer.name, f"an input scale without its line {layer.name}_param_0: ncnn2int8 fails")
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


def _weight_findings(name: str, scales: Sequence[float]) -> Iterator[Finding]:
    yield from _unusable(name, "weight scale", scales)
    usable = [scale for scale in scales if 0 < scale < math.inf]
    if not usable:
        return
    low, high = _WEIGHT_RANGE
    middle = median(usable)
    far = [s for s in usable if not low <= s <= high or s * _FAR_FROM_MEDIAN < middle]
    if far:
        yield Finding(
            "error", name, f"weight scale {_few(far)} is far outside of what weights have (median {middle:g})"
        )
    unusual = [
        s for s in usable if s not in far and (s > middle * _FAR_FROM_MEDIAN or s * _UNUSUAL_FROM_MEDIAN < middle)
    ]
    if unusual:
        meaning = (
            "nearly dead channels" if max(unusual) > middle else "channels with far larger weights than the others"
        )
        yield Finding("warning", name, f"weight scale {_few(unusual)} beside a median of {middle:g}: {meaning}")


def _activation_findings(activations: Mapping[str, float]) -> Iterator[Finding]:
    usable = [scale for scale in activations.values() if 0 < scale < math.inf]
    middle = median(usable) if usable else 1.0
    low, high = _ACTIVATION_RANGE
    for name, scale in activations.items():
        yield from _unusable(name, "input scale", [scale])
        if not 0 < scale < math.inf:
            continue
        ratio = max(scale / middle, middle / scale)
        if not low <= scale <= high or ratio > _FAR_FROM_MEDIAN:
            kept = f"it keeps inputs up to {127 / scale:g}"
            yield Finding("error", name, f"input scale {scale:g} is an outlier (median {middle:g}): {kept}")
        elif ratio > _UNUSUAL_FROM_MEDIAN:
            yield Finding("warning", name, f"input scale {scale:g} is unusual beside a median of {middle:g}")


def _unusable(name: str, what: str, scales: Sequence[float]) -> Iterator[Finding]:
    kinds = {
        "infinite (ncnn2table prints that for weights or inputs that are all zero)": [math.isinf(s) for s in scales],
        "not a number": [math.isnan(s) for s in scales],
        "zero": [s == 0 for s in scales],
        "negative": [-math.inf < s < 0 for s in scales],
    }
    for kind, hits in kinds.items():
        if any(hits):
            share = f"{sum(hits)} of {len(scales)} {what}s are" if len(scales) > 1 else f"the {what} is"
            yield Finding("error", name, f"{share} {kind}")


def _few(scales: Iterable[float]) -> str:
    shown = sorted(scales, reverse=True)
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return ", ".join(f"{scale:g}" for scale in shown[:3]) + more
