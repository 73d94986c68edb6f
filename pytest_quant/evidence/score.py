"""Tango's score statistic for the difference of two paired proportions, with finite-population correction."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def population_correction(n: int, population: int | None) -> float:
    """Factor of the variance of a mean when n of `population` were drawn without replacement.

    >>> population_correction(4000, None), population_correction(50, 50)
    (1.0, 0.0)
    """
    if population is None:
        return 1.0
    return (population - n) / (population - 1) if population > 1 else 0.0


def tango_statistic(
    only_first: ArrayLike, only_second: ArrayLike, n: int, drop: ArrayLike, correction: float = 1.0
) -> NDArray[np.float64]:
    """Standardised distance of the observed difference from `drop`; all arguments broadcast.

    The variance is taken at the maximum-likelihood estimate under the hypothesis, which keeps it positive at zero
    discordant pairs. Source: T. Tango, "Equivalence test and confidence interval for the difference in proportions
    for the paired-sample design", Statistics in Medicine 17 (1998).

    Args:
        only_first: Pairs that only the first model got right.
        only_second: Pairs that only the second model got right.
        n: All pairs.
        drop: Hypothesised difference, a fraction in [-1, 1].
        correction: Factor of the variance (`population_correction`).

    Returns:
        Standard normal in large samples; grows with `only_first`, falls with `only_second` and with `drop`.

    >>> float(tango_statistic(7, 7, 100, 0.0))
    0.0

    """
    first, second, delta = (np.asarray(part, dtype=np.float64) for part in (only_first, only_second, drop))
    linear = -first - second + (2 * n - first + second) * delta
    constant = -second * delta * (1.0 - delta)
    root = np.sqrt(np.maximum(linear**2 - 8.0 * n * constant, 0.0))
    # The larger root of 2n q^2 + linear q + constant = 0, in the form that does not cancel.
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(linear <= 0.0, (root - linear) / (4.0 * n), -2.0 * constant / (root + linear))
    variance = n * (2.0 * share + delta * (1.0 - delta)) * correction
    distance = first - second - n * delta
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = distance / np.sqrt(np.maximum(variance, 0.0))
    return np.where(distance == 0.0, 0.0, statistic)


def tango_upper(only_first: int, only_second: int, n: int, error: float, correction: float = 1.0) -> float:
    """Upper bound of Tango's interval; its error is about `error`, more in small samples.

    >>> round(tango_upper(0, 0, 1000, 0.05), 6)
    0.002698
    """
    from scipy.special import ndtri

    critical = float(ndtri(error))
    low, high = (only_first - only_second) / n, 1.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        if tango_statistic(only_first, only_second, n, middle, correction) > critical:
            low = middle
        else:
            high = middle
    return high


def tango_bounds(
    only_first: int, only_second: int, n: int, error: float, correction: float = 1.0
) -> tuple[float, float]:
    """Both bounds of Tango's interval, each with one-sided error of about `error`."""
    low = -tango_upper(only_second, only_first, n, error, correction)
    return low, tango_upper(only_first, only_second, n, error, correction)


def normal_quantile(confidence: float) -> float:
    """One-sided standard normal quantile, 1.645 at 0.95."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence {confidence} must lie between 0 and 1, both excluded")
    from scipy.special import ndtri

    return float(ndtri(confidence)) if not math.isclose(confidence, 0.5) else 0.0
