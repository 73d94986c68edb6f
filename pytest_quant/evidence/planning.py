"""How many samples a verdict needs, and what a number of samples can prove.

These are normal approximations with the variance of the drop at a given discordance; the verdicts themselves use
exact bounds (`pytest_quant.evidence.paired`), which need a few percent more where few pairs are discordant.
"""

from __future__ import annotations

import math

from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.proportion import check_population
from pytest_quant.evidence.score import normal_quantile


def samples_to_settle(point: float, interval: Interval, limit: float, *, n: int, population: int | None) -> int | None:
    """Samples after which the bound on the side of the limit would clear it, if the measured value stays as it is.

    Works for every interval whose width shrinks as that of a mean does: drops, scores, hmean, AP. Half of the time
    the value moves towards the limit and more are needed.

    Args:
        point: Measured value, in any unit.
        interval: Its bounds after n samples, same unit.
        limit: The value that one bound has to reach, same unit.
        n: Samples so far.
        population: Samples in the dataset, or None.

    Returns:
        At least n and at most `population`, which settles everything. Without a population None if the value is just
        at the limit.

    >>> samples_to_settle(0.006, Interval(0.001, 0.012, 0.9, "x"), 0.01, n=4000, population=50000)
    8182
    >>> samples_to_settle(0.010, Interval(0.001, 0.019, 0.9, "x"), 0.01, n=4000, population=50000)
    50000

    """
    check_population(population, n)
    gap = abs(limit - point)
    half = interval.high - point if limit >= point else point - interval.low
    if half <= gap:
        return n
    if gap == 0.0:
        return population
    left = 1.0 / population if population else 0.0
    # A squared half width is proportional to 1/n - 1/N.
    needed = math.ceil(1.0 / (left + (1.0 / n - left) * (gap / half) ** 2) - 1e-9)
    return min(needed, population) if population else needed


def provable_drop(
    n: int,
    *,
    population: int | None,
    discordance: float,
    tolerance: float,
    confidence: float,
    power: float = 0.8,
) -> float | None:
    """Largest true drop for which n samples prove "drop <= tolerance" with probability `power`.

    Args:
        n: Samples to be evaluated, drawn without replacement.
        population: Samples in the dataset, or None.
        discordance: Assumed share of samples that exactly one model gets right.
        tolerance: Largest allowed drop, a fraction like all others.
        confidence: One-sided confidence of the verdict.
        power: Probability of the proof.

    Returns:
        A fraction, negative where only a better int8 model could be proven within the tolerance, or None if no drop
        that is possible at this discordance can be.

    >>> drop = provable_drop(4000, population=50000, discordance=0.03, tolerance=0.01, confidence=0.95)
    >>> round(100 * drop, 2)
    0.35

    """
    check_population(population, n)

    def proven(drop: float) -> bool:
        return _samples(drop, population, discordance, tolerance, confidence, power) <= n

    low, high = -discordance, min(tolerance, discordance)
    if not proven(low):
        return None
    if proven(high):
        return high
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if proven(middle) else (low, middle)
    return low


def samples_to_prove(
    drop: float,
    *,
    population: int | None,
    discordance: float,
    tolerance: float,
    confidence: float,
    power: float = 0.8,
) -> int | None:
    """Samples that prove "drop <= tolerance" with probability `power` if the true drop is `drop`.

    The arguments are those of `provable_drop`. At most `population`; None where the drop is not within the tolerance,
    or just at it without a dataset to exhaust.

    >>> samples_to_prove(0.0, population=None, discordance=0.03, tolerance=0.01, confidence=0.95)
    1851
    """
    needed = _samples(drop, population, discordance, tolerance, confidence, power)
    return None if math.isinf(needed) else math.ceil(needed)


def _samples(
    drop: float, population: int | None, discordance: float, tolerance: float, confidence: float, power: float
) -> float:
    if not 0.0 <= discordance <= 1.0 or abs(drop) > discordance + 1e-12:
        raise ValueError(f"a drop of {drop} is not possible with a discordance of {discordance}")
    if drop >= tolerance:
        return float(population) if population and drop == tolerance else math.inf
    # Pairs at the tolerance are at least as many as the tolerance itself.
    at_limit = max(discordance, abs(tolerance)) - tolerance**2
    reach = normal_quantile(confidence) * math.sqrt(at_limit)
    reach += normal_quantile(power) * math.sqrt(max(discordance - drop**2, 0.0))
    endless = (reach / (tolerance - drop)) ** 2
    if population is None:
        return endless
    # endless * (N - n) / (N - 1) = n
    return endless * population / (population - 1 + endless) if population > 1 else 1.0
