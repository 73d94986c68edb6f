"""The interval of a difference between two quantities of which only their own intervals are known."""

from __future__ import annotations

import math

from pytest_quant.evidence.interval import Interval


def difference_interval(before: float, of_before: Interval, now: float, of_now: Interval) -> Interval:
    """Of ``now - before``, as if the two had been found on samples that have nothing to do with each other.

    The distances of each value to its bounds are added in squares (MOVER; Zou and Donner, Statistics in Medicine 2008),
    so unequal sides stay unequal. On the same samples, where errors of both go the same way, it is wider than need be.
    Each value lies within its interval; both have one level.

    >>> found = difference_interval(1.0, Interval(0.7, 1.4, 0.9, "a"), 2.0, Interval(1.6, 2.3, 0.9, "a"))
    >>> round(found.low, 3), round(found.high, 3)
    (0.434, 1.424)
    """
    if not math.isclose(of_before.level, of_now.level):
        raise ValueError(f"the intervals have the levels {of_before.level} and {of_now.level}, expected one")
    change = now - before
    low = change - math.hypot(now - of_now.low, of_before.high - before)
    high = change + math.hypot(of_now.high - now, before - of_before.low)
    return Interval(low, high, of_now.level, "from both intervals, as of independent samples")
