"""The clipping threshold that loses least information, as in ncnn2table.

Method: Migacz, "8-bit inference with TensorRT", 2017.

A histogram of 2048 bins is cut at every threshold from 128 bins on; what lies beyond goes to the last bin kept. The
remainder is squeezed into 128 levels. The threshold with the least Kullback-Leibler divergence between the two wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

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
    divergences = np.array(divergences_of(fractions, range(_LEVELS, BINS)))
    best = divergences.min()
    near = thresholds[divergences <= best + _NEAR * (abs(best) + _NEAR)]
    if len(near) == 1:
        return int(near[0])
    return min((int(t) for t in near), key=lambda t: (tool_divergence(fractions, t), t))


def kl_clip(histogram: NDArray[np.uint64], absmax: float) -> float:
    """Return the value above which activations are clipped."""
    kept = np.float32(kl_threshold(histogram)) + np.float32(0.5)
    return float(kept * np.float32(absmax) / np.float32(BINS))


def divergences_of(fractions: NDArray[np.float32], thresholds: Iterable[int]) -> list[float]:
    """Return the divergence of keeping each number of bins, in float64; ``fractions`` add up to 1."""
    exact = fractions.astype(np.float64)
    below = np.concatenate([[0.0], np.cumsum(exact)])
    found = []
    for threshold in thresholds:
        clipped = exact[:threshold] + _EPS
        clipped[-1] += below[-1] - below[threshold]
        # A level holds its share of the mass evenly: the cumulative distribution is linear between the levels' edges.
        bins = np.arange(threshold + 1)
        edges = np.arange(_LEVELS + 1) * (threshold / _LEVELS)
        at_edges = np.interp(edges, bins, below[: threshold + 1])
        spread = np.interp(bins, edges, at_edges)
        expanded = spread[1:] - spread[:-1] + _EPS
        found.append(float(clipped @ np.log(clipped / expanded)))
    return found


def tool_divergence(fractions: NDArray[np.float32], threshold: int) -> float:
    """Return the same for one threshold, with ncnn2table's float32 roundings: sums one by one, from the left."""
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
    total: np.float32 = sums[-1] if sums.size else np.float32(0)
    return total
