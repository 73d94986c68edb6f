"""How many times as fast one net is as another, from times that were taken in turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evidence.interval import Interval, two_sided_level

LEAST_TURNS = 10
_RESAMPLES = 2000


@dataclass(frozen=True)
class Speedup:
    """The ratio of the two medians, and bounds for it."""

    ratio: float
    interval: Interval


def speedup(fp32_s: NDArray[np.float64], int8_s: NDArray[np.float64], *, confidence: float, seed: int = 0) -> Speedup:
    """The median time of fp32 over that of int8, with a percentile bootstrap over the turns.

    Args:
        fp32_s: Seconds of each turn, shape (turns,), all above 0.
        int8_s: The same of int8, in the same turns: they are drawn together.
        confidence: One-sided confidence of each bound, between 0.5 and 1.
        seed: Of the resamples.

    Raises:
        ValueError: For fewer than `LEAST_TURNS` turns, two shapes, or a time that is not above 0.

    >>> import numpy as np
    >>> speedup(np.full(20, 3.0), np.full(20, 2.0), confidence=0.95).ratio
    1.5

    """
    if fp32_s.shape != int8_s.shape or fp32_s.ndim != 1 or fp32_s.size < LEAST_TURNS:
        raise ValueError(
            f"found {fp32_s.shape} and {int8_s.shape} times, expected as many of both, {LEAST_TURNS} or more"
        )
    if min(fp32_s.min(), int8_s.min()) <= 0:
        raise ValueError("a time is not above 0")
    drawn = np.random.default_rng(seed).integers(0, fp32_s.size, (_RESAMPLES, fp32_s.size))
    ratios = np.median(fp32_s[drawn], axis=1) / np.median(int8_s[drawn], axis=1)
    low, high = np.quantile(ratios, (1 - confidence, confidence))
    ratio = float(np.median(fp32_s) / np.median(int8_s))
    found = Interval(min(float(low), ratio), max(float(high), ratio), two_sided_level(confidence), "bootstrap of turns")
    return Speedup(ratio, found)
