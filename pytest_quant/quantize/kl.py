"""The clipping threshold that loses least information, as in ncnn2table.

Method: Migacz, "8-bit inference with TensorRT", 2017.

A histogram of 2048 bins is cut at every threshold from 128 bins on; what lies beyond goes to the last bin kept. The
remainder is squeezed into 128 levels. The threshold with the least Kullback-Leibler divergence between the two wins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BINS = 2048
_LEVELS = 128
_EPS = np.float32(1e-4)
# The tool's float32 sums are off by up to 1.2e-4 of the divergence (measured), so closer ones may swap their order.
_NEAR = 1e-3


def kl_threshold(histogram: NDArray[np.uint64]) -> int:
    """Return the number of bins to keep, 128 to 2047.

    Args:
        histogram: counts of ``BINS`` equal bins from 0 to the largest absolute value, zeros not counted.

    The search runs in float64; thresholds that are nearly as good as the best are then compared in the tool's own
    float32 order of operations, so that the result is the tool's.

    """
    fractions = (histogram / max(int(histogram.sum()), 1)).astype(np.float32)
    thresholds = np.arange(_LEVELS, BINS)
    divergences = np.array([_divergence(fractions, int(t)) for t in thresholds])
    best = divergences.min()
    near = thresholds[divergences <= best + _NEAR * (abs(best) + _NEAR)]
    if len(near) == 1:
        return int(near[0])
    return min((int(t) for t in near), key=lambda t: (_tool_divergence(fractions, t), t))


def kl_clip(histogram: NDArray[np.uint64], absmax: float) -> float:
    """Return the value above which activations are clipped."""
    kept = np.float32(kl_threshold(histogram)) + np.float32(0.5)
    return float(kept * np.float32(absmax) / np.float32(BINS))


def _divergence(fractions: NDArray[np.float32], threshold: int) -> float:
    kept = fractions[:threshold].astype(np.float64)
    clipped = kept + float(_EPS)
    clipped[-1] += fractions[threshold:].sum(dtype=np.float64)
    edges = np.arange(_LEVELS + 1) * (threshold / _LEVELS)
    bins = np.arange(threshold + 1)
    level_sums = np.diff(np.interp(edges, bins, np.concatenate([[0.0], np.cumsum(kept)])))
    spread = np.concatenate([[0.0], np.cumsum(level_sums)])
    expanded = np.diff(np.interp(bins, edges, spread)) + float(_EPS)
    return float(np.sum(clipped * np.log(clipped / expanded)))


def _tool_divergence(fractions: NDArray[np.float32], threshold: int) -> float:
    """The same divergence with ncnn2table's float32 roundings: sums one by one, from the left."""
    clipped = fractions[:threshold] + _EPS
    clipped[-1] = _sum([clipped[-1], *fractions[threshold:]])
    expanded = np.full(threshold, _EPS, np.float32)
    width = threshold / _LEVELS
    for level in range(_LEVELS):
        start, end = level * width, (level + 1) * width
        first, last = math.ceil(start), math.floor(end)
        left, right = np.float32(first - start), np.float32(end - last)
        parts = [left * fractions[first - 1]] if left > 0 else []
        parts += [right * fractions[last]] if right > 0 else []
        value = _sum([*parts, *fractions[first:last]]) / np.float32(width)
        expanded[first:last] += value
        if left > 0:
            expanded[first - 1] += left * value
        if right > 0:
            expanded[last] += right * value
    logarithms = np.log((clipped / expanded).astype(np.float64)).astype(np.float32)
    return float(_sum(clipped * logarithms))


def _sum(values: Sequence[np.float32] | NDArray[np.float32]) -> np.float32:
    sums: NDArray[np.float32] = np.cumsum(np.asarray(values, np.float32), dtype=np.float32)
    return sums[-1] if sums.size else np.float32(0)
