"""Tails of the binomial distribution; `scipy.special` has them too, and takes a fifth of a second to import."""

from __future__ import annotations

import math

import numpy as np

_STEPS = 4096
_PRECISE = 1e-13
"""Of a share."""
_NEGLIGIBLE = 1e-17


def at_most(most: int, n: int, share: float) -> float:
    """Probability of at most ``most`` successes in ``n`` independent trials that succeed with probability ``share``.

    It is right to 9 digits or more for up to a million trials.

    >>> at_most(1, 2, 0.5), round(at_most(40, 100, 0.5), 6)
    (0.75, 0.028444)
    """
    if most < 0:
        return 0.0
    if most >= n or share <= 0.0:
        return 1.0
    if share >= 1.0:
        return 0.0
    if most < n * share:
        return _tail(most, n, share)
    # Above the mean the other tail is summed, whose terms fall too: that of the failures.
    return 1.0 - _tail(n - most - 1, n, 1.0 - share)


def at_least(least: int, n: int, share: float) -> float:
    """Probability of at least ``least`` successes: of at most so many failures.

    >>> at_least(1, 2, 0.5)
    0.75
    """
    return at_most(n - least, n, 1.0 - share)


def share_at(most: int, n: int, probability: float) -> float:
    """The share of successes with which at most ``most`` of ``n``, fewer than all, have this probability.

    >>> round(share_at(0, 100, 0.05), 6)
    0.029513
    """
    low, high = 0.0, 1.0
    while high - low > _PRECISE * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if at_most(most, n, middle) > probability else (low, middle)
    return 0.5 * (low + high)


def _tail(most: int, n: int, share: float) -> float:
    """Of at most ``most``, below the mean: each term is smaller than the one before."""
    odds = (1.0 - share) / share
    term = math.exp(_log_ways(n, most) + most * math.log(share) + (n - most) * math.log1p(-share))
    found = term
    while most > 0 and term > _NEGLIGIBLE * found:
        count = np.arange(most, max(0, most - _STEPS), -1, dtype=np.float64)
        terms = term * np.cumprod(count / (n - count + 1.0) * odds)
        found += float(terms.sum())
        term = float(terms[-1])
        most -= count.size
    return found


def _log_ways(of: int, chosen: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)
