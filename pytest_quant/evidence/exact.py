"""Exact upper limit for the difference of two paired proportions, on a finite dataset or for new samples.

The limit is Buehler's: samples are ordered by their Tango limit, and the drop is raised until, whatever the number
of discordant pairs, a sample at or below the observed one has a probability of at most the error. That probability
is summed, not approximated, so the limit is conservative for every dataset; because Tango's limit nearly holds its
level, it is hardly wider. Sources: R. J. Buehler (1957), J. Amer. Statist. Assoc. 52; C. J. Lloyd and M. V. Moldovan
(2007), Statistics in Medicine 26, for paired proportions; R. L. Berger and D. D. Boos (1994), J. Amer. Statist.
Assoc. 89, for the search of the nuisance parameter in a confidence set.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evidence.discordant import PrefixCounts
from pytest_quant.evidence.proportion import lower_count, upper_count
from pytest_quant.evidence.score import population_correction, tango_statistic, tango_upper

_FINE_SCALE = 10**7  # resolution of a drop when there is no dataset whose samples could be counted
_NUISANCE_GRID = 24
_NUISANCE_SHARE = 0.01  # of the error, spent on the confidence set of the number of discordant pairs
_SEARCH_SHARE = 0.002  # of the error, kept for maxima that the grid misses

_Counts = NDArray[np.int64]


def exact_upper_limit(only_first: int, only_second: int, n: int, population: int | None, error: float) -> float:
    """Upper limit for the share of `only_first` minus the share of `only_second`.

    Args:
        only_first: Observed pairs that only the first model got right.
        only_second: Observed pairs that only the second model got right.
        n: Observed pairs.
        population: Pairs in the dataset, of which the n were drawn without replacement; None: unlimited.
        error: Largest probability that the limit is too low.

    Returns:
        A fraction in [-1, 1]; a multiple of 1 / population where there is one.

    >>> exact_upper_limit(0, 0, 1000, 50000, 0.05)
    0.00296

    """
    if population == n:
        return (only_first - only_second) / n
    return _Search(only_first, only_second, n, population, error).limit()


class _Search:
    """Raises the hypothesised drop until every number of discordant pairs refutes it.

    A hypothesis is a pair of integers, in units of 1 / scale: the drop, and the discordant pairs `both`.
    """

    def __init__(self, only_first: int, only_second: int, n: int, population: int | None, error: float) -> None:
        from scipy.special import ndtri

        self.first, self.second, self.n, self.population = only_first, only_second, n, population
        self.scale = population or _FINE_SCALE
        unseen = population - n if population else self.scale
        observed = only_first - only_second if population else 0
        self.lowest, self.highest = observed - unseen, observed + unseen
        self.sampling = PrefixCounts(n, population)
        correction = population_correction(n, population)
        start = tango_upper(only_first, only_second, n, error, correction)
        self.region = _Region(start, n, correction, float(ndtri(error)))
        self.start = min(math.ceil(start * self.scale), self.highest)
        self.step = max(1, int((start * self.scale - (only_first - only_second) / n * self.scale) / 32))
        spent = 0.5 * error * _NUISANCE_SHARE
        discordant = only_first + only_second
        self.fewest = math.floor(lower_count(discordant, n, population, spent) * self.scale + 1e-6) - 1
        self.most = math.ceil(upper_count(discordant, n, population, spent) * self.scale - 1e-6) + 1
        self.allowed = error * (1.0 - _NUISANCE_SHARE - _SEARCH_SHARE)
        self.enough = error * (1.0 - _NUISANCE_SHARE)

    def limit(self) -> float:
        """The largest drop that is not refuted."""
        if self.first == self.n:  # no sample is above this one
            return self.highest / self.scale
        drop = self.start
        _, both = self.worst(drop)
        while True:
            drop = self.first_refuted(drop, both)
            if drop > self.highest:
                return self.highest / self.scale
            probability, both = self.worst(drop)
            if probability <= self.enough:
                return (drop - 1) / self.scale

    def worst(self, drop: int) -> tuple[float, int]:
        """Largest probability at this drop, and the number of discordant pairs that has it."""
        grid = _square_spaced(*self.nuisance_range(drop), _NUISANCE_GRID)
        values = [self.probability(drop, both) for both in grid]
        best = int(np.argmax(values))
        finer = _square_spaced(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)], _NUISANCE_GRID // 3)
        return max((*zip(values, grid, strict=True), *((self.probability(drop, both), both) for both in finer)))

    def nuisance_range(self, drop: int) -> tuple[int, int]:
        """Numbers of discordant pairs that are in the confidence set and possible with this drop."""
        if self.population is None:
            low, high = abs(drop), self.scale
        else:
            low = max(drop + 2 * self.second, 2 * self.first - drop)
            high = self.population - self.n + self.first + self.second
        high = max(low, high)
        return min(max(low, self.fewest), high), max(min(high, self.most), low)

    def first_refuted(self, drop: int, both: int) -> int:
        """Smallest drop at which this number of discordant pairs gives no more than the allowed probability."""

        def refuted(candidate: int) -> bool:
            if not self.lowest <= candidate <= self.highest:
                return candidate > self.highest
            fewest, most = self.nuisance_range(candidate)
            return self.probability(candidate, min(max(both, fewest), most)) <= self.allowed

        low, high, step = drop, drop, self.step
        if refuted(drop):
            while refuted(low):
                low, high, step = low - step, low, 2 * step
        else:
            while not refuted(high):
                low, high, step = high, high + step, 2 * step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if refuted(middle) else (middle, high)
        return high

    def probability(self, drop: int, both: int) -> float:
        """Probability of a sample whose Tango limit is at or below the observed one."""
        first = (both + drop) // 2
        second = first - drop
        return self.sampling.below_curve(first / self.scale, second / self.scale, self.region.least_second)


class _Region:
    """Samples whose Tango limit is at or below `limit`: for each `only_first`, those with enough `only_second`."""

    def __init__(self, limit: float, n: int, correction: float, critical: float) -> None:
        self.limit, self.n, self.correction, self.critical = limit, n, correction, critical
        self._known: _Counts = np.zeros(0, dtype=np.int64)

    def least_second(self, first: _Counts) -> _Counts:
        """Least `only_second` for each `only_first`; n + 1 where there is none."""
        if first[-1] >= self._known.size:
            self._known = self._find(np.arange(2 * int(first[-1]) + 8, dtype=np.int64))
        return self._known[first]

    def _find(self, first: _Counts) -> _Counts:
        low, high = np.full_like(first, -1), np.full_like(first, self.n + 1)
        while np.any(high - low > 1):
            middle = (low + high) // 2
            statistic = tango_statistic(first, middle, self.n, self.limit, self.correction)
            inside = (statistic <= self.critical + 1e-9) | (middle > self.n)
            low, high = np.where(inside, low, middle), np.where(inside, middle, high)
        return np.maximum(high, 0)


def _square_spaced(low: int, high: int, points: int) -> list[int]:
    """Up to about `points` integers from low to high, evenly spaced in their square roots, as counts vary."""
    if high - low < points:
        return list(range(low, high + 1))
    roots = np.linspace(math.sqrt(low), math.sqrt(high), points)
    return sorted({low, high, *(min(max(round(float(root) ** 2), low), high) for root in roots)})
