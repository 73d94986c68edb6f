"""Whether scales of weights can be right.

A scale of 0 marks a dead channel in ncnn, which answers with its bias; an infinite one, which ncnn2table prints for
weights that are all zero, and one of 1e30, for weights that training left at 1e-29, do the same (measured on every kind
of layer). None of them breaks a net. What breaks it is a scale that clips or erases weights which matter: only the
weights themselves prove that; without them a scale is held against the others of its layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.files.finding import Finding

_LEAST = 1e-6
_USUAL_LEAST = 0.1  # weights up to 1270
_NEARLY_DEAD = 1e6  # weights below 0.000127
_SURELY_DEAD = 1e15  # weights below 0.000000000000127
_FAR_FROM_MEDIAN = 1e5
_UNUSUAL_FROM_MEDIAN = 1e3
_OF_ZEROS = 1.0
_MOST_CLIPPED = 50.0  # ACIQ clips at a fifth of the largest weight of a wide layer
_LARGEST_CODE = 127.0
_LARGEST_SANE = 1e6  # a float net with larger weights is what is broken
_FEWEST_CODES = 2.0


def weight_findings(name: str, scales: Sequence[float], *, is_static: bool) -> Iterator[Finding]:
    """Hold the scales of a layer's weights against each other; ``is_static``: a layer without a scale of its input."""
    yield from _impossible(name, scales, is_static=is_static)
    dead = [scale for scale in scales if scale == 0 or scale > _SURELY_DEAD]
    if dead and len(dead) == len(scales):
        what = "0 or infinite" if {*dead} <= {0, math.inf} else f"0, infinite or beyond {_SURELY_DEAD:g}"
        yield Finding("error", name, f"all {len(scales)} weight scales are {what}: nothing passes the layer")
        return
    yield from _dead(name, scales, is_static=is_static)
    yield from _outliers(name, [scale for scale in scales if 0 < scale < math.inf])


def known_weight_findings(name: str, scales: Sequence[float], largest: NDArray[np.float32]) -> Iterator[Finding]:
    """Hold the scales of a layer against its weights; ``largest``: absolute, one per scale, shape (channels,)."""
    yield from _impossible(name, scales, is_static=False)
    with np.errstate(over="ignore", invalid="ignore"):
        codes = np.abs(np.array(scales, np.float64)) * largest  # what the largest weight becomes, before clipping
    is_dead = largest < np.finfo(np.float32).tiny  # ncnn's tools write such weights as 0
    erased = ~is_dead & (codes < _FEWEST_CODES)
    clipped = ~is_dead & (codes > _LARGEST_CODE * _MOST_CLIPPED)
    if erased.any():
        yield Finding("error", name, f"{_share(erased)} erases weights of up to {largest[erased].max():g}")
    if clipped.any():
        kept = _LARGEST_CODE / codes[clipped].max()
        yield Finding("error", name, f"{_share(clipped)} clips weights at {kept:.1g} times the largest")
    if is_dead.any():
        yield Finding("warning", name, f"{_count(is_dead)} are dead: their weights are all zero")


def deadening_findings(
    name: str, scales: NDArray[np.float32], codes: NDArray[np.float32], largest: NDArray[np.float32]
) -> Iterator[Finding]:
    """Scales that take away what a layer's weights say, where the float net has the same layer.

    Args:
        name: the layer.
        scales: of the int8 net, shape (channels,).
        codes: its weights, shape (channels, weights of a channel).
        largest: the largest absolute weight of each channel in the float net, shape (channels,).

    Where all codes of a channel are the same the channel may be dead on purpose (weights of zero times infinity, a net
    that was trained on); and weights that another training or an equalization has moved differ by less than this.

    """
    is_alive = (
        (largest >= np.finfo(np.float32).tiny) & (largest <= _LARGEST_SANE) & (codes.min(axis=1) != codes.max(axis=1))
    )
    with np.errstate(divide="ignore"):
        needed = _LARGEST_CODE / largest.astype(np.float64)
    is_far = (scales < needed / _FAR_FROM_MEDIAN) | (scales > needed * _FAR_FROM_MEDIAN)
    hits = is_alive & is_far
    if hits.any():
        at = int(np.flatnonzero(hits)[np.argmax(largest[hits])])
        text = f"{_share(hits)} is far from what fp32's weights need, such as {scales[at]:g} for some {needed[at]:.3g}"
        yield Finding("error", name, text)


def _share(hits: NDArray[np.bool_]) -> str:
    return f"the scale of {_count(hits)}"


def _count(hits: NDArray[np.bool_]) -> str:
    return f"{int(hits.sum())} of {hits.size} channels"


def block_findings(name: str, scales: NDArray[np.float64]) -> Iterator[Finding]:
    """The scales of weights in blocks, by which ncnn divides: 0 and infinity are NaN in every answer (measured)."""
    for kind, hits in (("zero", scales == 0), ("infinite", np.isinf(scales))):
        if hits.any():
            yield Finding("error", name, f"{_those(hits.tolist(), 'block')} {kind}: ncnn answers with NaN")
    far = scales[(scales > 0) & (scales < _LEAST)]
    if far.size:
        text = f"block scale {_few(far.tolist())} is far outside of what weights have (median {np.median(scales):g})"
        yield Finding("error", name, text)


def input_findings(name: str, scales: NDArray[np.float64]) -> Iterator[Finding]:
    """What the inputs of such a layer are multiplied by; those of the weights were divided by it."""
    if np.isinf(scales).any():
        yield Finding("error", name, f"{_those(np.isinf(scales).tolist(), 'input')} infinite")
    if not scales.any():
        yield Finding("error", name, f"all {len(scales)} input scales are zero: nothing passes the layer")
    far = scales[np.isfinite(scales) & (scales > _LARGEST_SANE)]
    if far.size:
        yield Finding("error", name, f"input scale {_few(far.tolist())} is far outside of what inputs have")


def _impossible(name: str, scales: Sequence[float], *, is_static: bool) -> Iterator[Finding]:
    kinds = {
        "not a number": [math.isnan(scale) for scale in scales],
        "negative": [scale < 0 for scale in scales],
        "zero, by which ncnn divides in a layer of this kind": [is_static and scale == 0 for scale in scales],
    }
    for kind, hits in kinds.items():
        if any(hits):
            yield Finding("error", name, f"{_those(hits)} {kind}")


def _dead(name: str, scales: Sequence[float], *, is_static: bool) -> Iterator[Finding]:
    kinds = {
        "zero: dead channels, which ncnn answers with their bias": [s == 0 and not is_static for s in scales],
        "infinite, as ncnn2table prints for weights that are all zero: dead channels": [s == math.inf for s in scales],
    }
    for kind, hits in kinds.items():
        if any(hits):
            yield Finding("warning", name, f"{_those(hits)} {kind}")


def _outliers(name: str, usable: list[float]) -> Iterator[Finding]:
    alive = [scale for scale in usable if scale < _NEARLY_DEAD] or usable
    middle = median(alive) if alive else 1.0
    low = [scale for scale in usable if scale * _UNUSUAL_FROM_MEDIAN < middle]
    far = [s for s in usable if s < _LEAST or (s < _USUAL_LEAST and s * _FAR_FROM_MEDIAN < middle)]
    zeros = [scale for scale in low if scale == _OF_ZEROS]
    large = [scale for scale in low if scale not in far and scale not in zeros]
    faint = [scale for scale in usable if scale > max(middle * _FAR_FROM_MEDIAN, _NEARLY_DEAD)]
    if far:
        text = f"weight scale {_few(far)} is far outside of what weights have (median {middle:g})"
        yield Finding("error", name, text)
    for found, meaning in (
        (faint, "nearly dead channels"),
        (large, "channels with far larger weights than the others"),
        (zeros, "channels whose weights are all zero, for which calibration writes 1"),
    ):
        if found:
            yield Finding("warning", name, f"weight scale {_few(found)} beside a median of {middle:g}: {meaning}")


def _those(hits: Sequence[bool], of: str = "weight") -> str:
    return f"{sum(hits)} of {len(hits)} {of} scales are" if len(hits) > 1 else f"the {of} scale is"


def _few(scales: Iterable[float]) -> str:
    shown = sorted(scales, reverse=True)
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return ", ".join(f"{scale:g}" for scale in shown[:3]) + more
