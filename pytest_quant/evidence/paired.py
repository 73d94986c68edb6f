"""Interval for the difference of two models' accuracies on the same samples.

Compared with other intervals by ``benchmarks/interval_study.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pytest_quant.evidence.exact import exact_upper_limit
from pytest_quant.evidence.interval import Interval, two_sided_level
from pytest_quant.evidence.proportion import as_outcomes, check_population, lower_count, upper_count
from pytest_quant.evidence.score import normal_quantile

_TYPICAL_DISCORDANCE_SD = 0.15
_TYPICAL_ACCURACY_SD = 0.45
_SPLITS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class PairedCounts:
    """How often each model was right, on the same samples; flips are `only_fp32` and `only_int8`.

    >>> import numpy as np
    >>> PairedCounts.of(np.array([True, True, False, False]), np.array([True, False, False, True]))
    PairedCounts(both=1, only_fp32=1, only_int8=1, neither=1)
    """

    both: int
    only_fp32: int
    only_int8: int
    neither: int

    @classmethod
    def of(cls, fp32_right: ArrayLike, int8_right: ArrayLike) -> PairedCounts:
        """Count boolean arrays of shape (n,), in the same sample order."""
        fp32, int8 = as_outcomes(fp32_right, "fp32_right"), as_outcomes(int8_right, "int8_right")
        if fp32.size != int8.size:
            raise ValueError(f"fp32_right has {fp32.size} outcomes, int8_right {int8.size}: not the same samples")
        both, fp32_total, int8_total = (int(np.count_nonzero(part)) for part in (fp32 & int8, fp32, int8))
        return cls(both, fp32_total - both, int8_total - both, fp32.size - fp32_total - int8_total + both)

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.both + self.only_fp32 + self.only_int8 + self.neither

    @property
    def discordance(self) -> float:
        """Share of samples that exactly one model got right."""
        return (self.only_fp32 + self.only_int8) / self.n

    def contrast(self, retain: float = 1.0) -> float:
        """``retain * fp32 - int8`` as a fraction; with `retain` 1 the drop."""
        return (retain * (self.both + self.only_fp32) - (self.both + self.only_int8)) / self.n


def paired_drop_interval(
    fp32_right: ArrayLike,
    int8_right: ArrayLike,
    *,
    population: int | None,
    confidence: float,
    retain: float = 1.0,
) -> Interval:
    """Interval for ``mean(retain * fp32_right) - mean(int8_right)``, both models on the same samples.

    Each bound is wrong with probability at most 1 - confidence, for every content of the dataset and every number
    of discordant pairs, zero included; it is Buehler's exact bound ordered by Tango's (`exact_upper_limit`), about
    as wide as Tango's score interval. With another `retain` the contrast is ``retain * drop - (1 - retain) * int8``
    and the error is split between the two parts, which costs a few percent of width.

    Args:
        fp32_right: Boolean, shape (n,): fp32 was right on sample i.
        int8_right: Boolean, shape (n,): int8 was right on sample i, same order.
        population: Number of samples N in the dataset of which these n are a simple random sample without
            replacement (a prefix of the seeded order is one); the interval is for the difference on that dataset.
            None: for the difference on new samples like these, without finite-population correction.
        confidence: One-sided confidence of each bound, between 0.5 and 1.
        retain: 1 - r for a relative tolerance r, 1 + r where arrays tell what is wrong; 1 for the plain drop.

    Returns:
        Fractions in [-1, 2]. N = n gives the exact point.

    Raises:
        ValueError: For arrays that are not boolean, empty or unequally long, or a number out of its range.

    >>> import numpy as np
    >>> fp32, int8 = np.ones(1000, bool), np.arange(1000) >= 4
    >>> interval = paired_drop_interval(fp32, int8, population=50000, confidence=0.95)
    >>> interval.low, interval.high, interval.level
    (0.00084, 0.00908, 0.9)

    """
    counts = PairedCounts.of(fp32_right, int8_right)
    return paired_counts_interval(counts, population=population, confidence=confidence, retain=retain)


def paired_counts_interval(
    counts: PairedCounts, *, population: int | None, confidence: float, retain: float = 1.0
) -> Interval:
    """`paired_drop_interval` from counts."""
    if not 0.0 < retain < 2.0:
        raise ValueError(f"retain {retain} must lie between 0 and 2, both excluded")
    check_population(population, counts.n)
    level, point = two_sided_level(confidence), counts.contrast(retain)
    if population == counts.n:
        return Interval(point, point, level, "whole dataset")
    error = 1.0 - confidence
    method = "exact unconditional" + (", finite population" if population else ", for new samples")
    if retain == 1.0:
        low, high = _drop_bounds(counts, population, error)
    else:
        low, high = _relative_bounds(counts, population, confidence, retain)
    return Interval(min(low, point), max(high, point), level, method)


def _drop_bounds(counts: PairedCounts, population: int | None, error: float) -> tuple[float, float]:
    low = -exact_upper_limit(counts.only_int8, counts.only_fp32, counts.n, population, error)
    return low, exact_upper_limit(counts.only_fp32, counts.only_int8, counts.n, population, error)


def _relative_bounds(
    counts: PairedCounts, population: int | None, confidence: float, retain: float
) -> tuple[float, float]:
    lose, error = 1.0 - retain, 1.0 - confidence
    share = _split(abs(lose), error)
    low, high = _drop_bounds(counts, population, error * (1.0 - share))
    right = counts.both + counts.only_int8
    least = lower_count(right, counts.n, population, error * share)
    most = upper_count(right, counts.n, population, error * share)
    return retain * low - max(lose * least, lose * most), retain * high - min(lose * least, lose * most)


def _split(lose: float, error: float) -> float:
    """Part of the error for int8's own score that makes the sum of both half widths least in a typical case.

    It must not depend on the data, or the bounds would not hold.
    """

    def half_width(share: float) -> float:
        drop = (1.0 - lose) * _TYPICAL_DISCORDANCE_SD * normal_quantile(1.0 - error * (1.0 - share))
        return drop + lose * _TYPICAL_ACCURACY_SD * normal_quantile(1.0 - error * share)

    return min(_SPLITS, key=half_width)
