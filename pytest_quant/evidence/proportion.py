"""Exact one-sided bounds for one proportion: binomial for new samples, hypergeometric for a finite dataset."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_quant.evidence.hypergeometric import is_likelier
from pytest_quant.evidence.interval import Interval, two_sided_level


def as_outcomes(outcomes: ArrayLike, name: str) -> NDArray[np.bool_]:
    """Check that `outcomes` is a boolean array of shape (n,), n >= 1, and return it as one."""
    array = np.asarray(outcomes)
    if array.dtype != np.bool_ or array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a boolean array of shape (n,), n >= 1; got {array.dtype} of {array.shape}")
    return array


def check_population(population: int | None, n: int) -> None:
    """Refuse a dataset smaller than the part of it that was drawn."""
    if population is not None and population < n:
        raise ValueError(f"population {population} is smaller than the {n} outcomes drawn from it")


def upper_count(successes: int, n: int, population: int | None, error: float) -> float:
    """Upper bound, as a fraction, for the share of successes; wrong with probability at most `error`.

    Without a population this is Clopper and Pearson (1934); with one, the largest number of successes in the
    dataset that is not refuted by the hypergeometric distribution (Konijn 1973).

    >>> upper_count(0, 10, 10, 0.05)
    0.0
    >>> round(upper_count(0, 100, None, 0.05), 4)
    0.0295
    """
    if successes == n and population is None:
        return 1.0
    if population is None:
        from scipy.special import betaincinv

        return float(betaincinv(successes + 1, n - successes, 1.0 - error))

    def possible(total: int) -> bool:
        return is_likelier(successes, population, total, n, error)

    return _last_true(possible, successes, population - n + successes) / population


def lower_count(successes: int, n: int, population: int | None, error: float) -> float:
    """Lower bound, as a fraction: `upper_count` of the failures, seen from the other side."""
    return 1.0 - upper_count(n - successes, n, population, error)


def _last_true(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Largest integer in [low, high] for which the decreasing predicate holds; it holds at `low`."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def accuracy_interval(right: ArrayLike, *, population: int | None, confidence: float) -> Interval:
    """Interval for the share of right answers of one model.

    Args:
        right: Boolean, shape (n,): was sample i answered rightly.
        population: Number of samples N in the dataset of which these n are a simple random sample without
            replacement; the interval is then for the share in that dataset. None: for new samples like these.
        confidence: One-sided confidence of each bound, between 0.5 and 1.

    Returns:
        Fractions in [0, 1]. Each bound is exact or conservative. N = n gives the point itself.

    >>> import numpy as np
    >>> interval = accuracy_interval(np.arange(100) < 72, population=None, confidence=0.95)
    >>> round(interval.low, 4), round(interval.high, 4), interval.level
    (0.6368, 0.7931, 0.9)

    """
    array = as_outcomes(right, "right")
    check_population(population, array.size)
    successes = int(array.sum())
    error = 1.0 - confidence
    level = two_sided_level(confidence)
    if population == array.size:
        point = successes / population
        return Interval(point, point, level, "whole dataset")
    low = lower_count(successes, array.size, population, error)
    high = upper_count(successes, array.size, population, error)
    method = "exact binomial (Clopper-Pearson)" if population is None else "exact hypergeometric, finite population"
    return Interval(min(low, successes / array.size), max(high, successes / array.size), level, method)
