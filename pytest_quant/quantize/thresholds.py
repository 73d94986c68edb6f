"""Clipping thresholds that ncnn2table does not know: largest value, percentile, least squared error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_quant.quantize.kl import BINS

_LEVELS = 127
_LEAST_BINS = 128


def percentile_clip(histogram: NDArray[np.uint64], zeros: int, absmax: float, percentile: float) -> float:
    """Return the value that ``percentile`` percent of all absolute values do not exceed, rounded up to a bin.

    Args:
        histogram: counts of 2048 equal bins from 0 to ``absmax``, zeros not counted.
        zeros: number of values that are exactly zero.
        absmax: the largest absolute value.
        percentile: above 0, at most 100.

    >>> float(percentile_clip(np.array([90] + [0] * 2046 + [10], np.uint64), 0, 2048.0, 90))
    1.0

    """
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile is {percentile}, expected a number above 0 and up to 100")
    counts = np.cumsum(histogram) + np.uint64(zeros)
    wanted = float(counts[-1]) * percentile / 100
    kept = int(np.searchsorted(counts, wanted)) + 1
    return min(kept, BINS) * absmax / BINS


def mse_clip(histogram: NDArray[np.uint64], absmax: float) -> float:
    """Return the clipping value with the least expected squared error of 8-bit quantization.

    Inside the range a value is off by a rounding error of variance step^2 / 12, outside of it by its distance to the
    range.
    """
    counts = histogram.astype(np.float64)
    centers = np.arange(BINS) + 0.5
    kept = np.arange(_LEAST_BINS, BINS + 1)
    inside = np.cumsum(counts)[kept - 1]
    rounding = inside * (kept / _LEVELS) ** 2 / 12
    tails = [_tail(counts * centers**power, kept) for power in range(3)]
    clipping = tails[2] - 2 * kept * tails[1] + kept**2 * tails[0]
    return float(kept[int(np.argmin(rounding + clipping))] * absmax / BINS)


def _tail(values: NDArray[np.float64], kept: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums of ``values[k:]`` for every k in ``kept``."""
    sums: NDArray[np.float64] = np.append(np.cumsum(values[::-1])[::-1], 0.0)[kept]
    return sums
