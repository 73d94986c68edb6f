"""Tails of the hypergeometric distribution; `scipy.stats` has them too, and takes half a second to import."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

_CLOSE = 1e-9
"""Of a probability: where two are nearer, whole numbers decide; what is computed here is nearer to the truth."""
_SMALL = 2000
"""With larger populations no probability is a round number by chance, and whole numbers take long."""
_STEPS = 4096
_NEGLIGIBLE = 1e-17


def is_likelier(most: int, population: int, total: int, drawn: int, than: float) -> bool:
    """Whether at most ``most`` of ``drawn`` samples are of a kind with a probability above ``than``.

    They are drawn without replacement from ``population`` samples, of which ``total`` are of the kind; ``most`` is a
    number that is possible.

    >>> is_likelier(0, 20, 1, 19, 0.04), is_likelier(0, 20, 1, 19, 0.06)
    (True, False)
    """
    found = at_most(most, population, total, drawn)
    if population > _SMALL or abs(found - than) > _CLOSE * than:
        return found > than
    ways = sum(
        math.comb(total, count) * math.comb(population - total, drawn - count)
        for count in range(max(0, drawn + total - population), most + 1)
    )
    return Fraction(ways, math.comb(population, drawn)) > Fraction(than)


def at_most(most: int, population: int, total: int, drawn: int) -> float:
    """Probability of at most ``most``; it is right to 8 digits or more for populations of up to a million.

    >>> round(at_most(1, 10, 4, 3), 6)
    0.666667
    """
    if most * population < drawn * total:
        return _tail(most, population, total, drawn)
    # Above the mean the other tail is summed, whose terms fall too: not of the kind, and no fewer than so many.
    return 1.0 - _tail(drawn - most - 1, population, population - total, drawn)


def _tail(most: int, population: int, total: int, drawn: int) -> float:
    """The same where ``most`` is below the mean: each term is smaller than the one before."""
    least = max(0, drawn + total - population)
    if most < least:
        return 0.0
    term = math.exp(_log_probability(most, population, total, drawn))
    found = term
    while most > least and term > _NEGLIGIBLE * found:
        count = np.arange(most, max(least, most - _STEPS), -1, dtype=np.float64)
        ratios = count / (total - count + 1) * (population - total - drawn + count) / (drawn - count + 1)
        terms = term * np.cumprod(ratios)
        found += float(terms.sum())
        term = float(terms[-1])
        most -= count.size
    return found


def _log_probability(count: int, population: int, total: int, drawn: int) -> float:
    others = population - total
    return _log_ways(total, count) + _log_ways(others, drawn - count) - _log_ways(population, drawn)


def _log_ways(of: int, chosen: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)
