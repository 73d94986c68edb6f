"""Probability that two counts of discordant pairs, drawn together, fall on one side of a curve."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Counts = NDArray[np.int64]
_Floats = NDArray[np.float64]

_WINDOW_SD = 5.5  # counts further from their mean than this weigh less than 1e-7
_ROWS_PER_SD = 15  # a bell-shaped sum at this spacing has converged to far below 1e-7


@dataclass(frozen=True)
class PrefixCounts:
    """How n pairs come about: drawn without replacement from `population` pairs, or new ones without end.

    The share of a kind of pair is given as a fraction. In a dataset it must be a multiple of 1 / population.
    """

    n: int
    population: int | None

    def window(self, share: float) -> tuple[int, int]:
        """Smallest and largest count that is worth summing over."""
        correction = 1.0 if self.population is None else 1.0 - self.n / self.population
        mean = self.n * share
        reach = _WINDOW_SD * math.sqrt(mean * (1.0 - share) * correction) + 2.0
        low, high = 0, self.n
        if self.population is not None:
            size = round(share * self.population)
            low, high = max(0, self.n - (self.population - size)), min(self.n, size)
        return max(low, math.floor(mean - reach)), min(high, math.ceil(mean + reach))

    def part(self, counts: _Counts, share: float) -> _Floats:
        """Probability of each count when kinds of pairs are drawn independently of each other.

        Given that the counts of all kinds add up to n, independent binomial counts are multivariate hypergeometric,
        and independent Poisson counts are multinomial. So a joint probability is a product of these parts.
        """
        from scipy.special import gammaln, xlog1py, xlogy

        if self.population is None:
            rate = self.n * share
            return np.asarray(np.exp(xlogy(counts, rate) - rate - gammaln(counts + 1.0)), dtype=np.float64)
        size = round(share * self.population)
        rest = size - counts
        with np.errstate(invalid="ignore"):
            log = gammaln(size + 1.0) - gammaln(counts + 1.0) - gammaln(rest + 1.0)
        log += xlogy(counts, self.n / self.population) + xlog1py(rest, -self.n / self.population)
        return np.asarray(np.where(rest >= 0, np.exp(log), 0.0), dtype=np.float64)

    def below_curve(self, first: float, second: float, least_second: Callable[[_Counts], _Counts]) -> float:
        """Probability that the count of the second kind is at least `least_second(count of the first kind)`.

        Args:
            first: Share of the first kind of pair.
            second: Share of the second kind.
            least_second: Integers for an array of counts of the first kind.

        Returns:
            A probability; what the windows leave out is below 1e-6.

        """
        low, high = self.window(first)
        stride = max(1, (high - low) // int(2 * _WINDOW_SD * _ROWS_PER_SD))
        rows = np.arange(low, high + 1, stride, dtype=np.int64)
        columns = np.arange(self.window(second)[0], self.window(second)[1] + 1, dtype=np.int64)
        sums = np.arange(rows[0] + columns[0], rows[-1] + columns[-1] + 1, dtype=np.int64)
        rest = np.where(sums <= self.n, self.part(np.maximum(self.n - sums, 0), max(1.0 - first - second, 0.0)), 0.0)
        by_row = np.lib.stride_tricks.sliding_window_view(rest, columns.size)[::stride]
        inside = columns >= least_second(rows)[:, np.newaxis]
        total = self.part(np.array([self.n]), 1.0)[0]
        tails = np.where(inside, by_row, 0.0) @ self.part(columns, second)
        return float(stride * (self.part(rows, first) @ tails) / total)
