"""The interval of a difference: what it covers, and its form where that is known."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from pytest_quant.evidence.difference import difference_interval
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.paired import paired_drop_interval

LEVEL = 0.9
RUNS = 400


def test_symmetric_intervals_add_in_squares() -> None:
    found = difference_interval(1.0, Interval(-2, 4, LEVEL, "a"), 3.0, Interval(-1, 7, LEVEL, "b"))
    assert (found.low, found.high) == pytest.approx((2 - math.hypot(3, 4), 2 + math.hypot(3, 4)))


def test_unequal_sides_stay_unequal() -> None:
    found = difference_interval(0.0, Interval(-1, 3, LEVEL, "a"), 0.0, Interval(-4, 0, LEVEL, "b"))
    assert (found.low, found.high) == pytest.approx((-5, 1))


def test_levels_must_be_equal() -> None:
    with pytest.raises(ValueError, match="expected one"):
        difference_interval(0.0, Interval(-1, 1, 0.9, "a"), 0.0, Interval(-1, 1, 0.95, "b"))


@cache
def _interval_of(lost: int) -> Interval:
    """Of a drop by so many of 300 samples, none of which int8 alone is right on."""
    fp32 = np.ones(300, bool)
    return paired_drop_interval(fp32, np.arange(300) >= lost, population=None, confidence=0.95)


def test_it_covers_the_change_of_a_drop() -> None:
    """Two independent sets of 300 samples; the drops differ by 3 points."""
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(RUNS):
        drops = []
        for loss in (0.02, 0.05):
            fp32 = rng.random(300) < 0.8
            int8 = fp32 & (rng.random(300) >= loss / 0.8)
            drops.append((float(fp32.mean() - int8.mean()), _interval_of(int((fp32 & ~int8).sum()))))
        (before, first), (now, second) = drops
        found = difference_interval(before, first, now, second)
        covered += found.low <= 0.03 <= found.high
    assert covered / RUNS >= LEVEL - 0.03
