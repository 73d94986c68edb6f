from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.evidence.exact import exact_upper_limit
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.paired import PairedCounts, paired_counts_interval
from pytest_quant.evidence.planning import provable_drop, samples_to_prove, samples_to_settle


@pytest.mark.parametrize("drop", [0.004, 0.006, 0.016])
def test_settling_samples_settle_when_the_rates_stay(drop: float) -> None:
    population, limit = 50000, 0.01

    def after(n: int) -> tuple[float, Interval]:
        first, second = round((0.03 + drop) / 2 * n), round((0.03 - drop) / 2 * n)
        counts = PairedCounts(0, first, second, n - first - second)
        return counts.contrast(), paired_counts_interval(counts, population=population, confidence=0.95)

    point, interval = after(1000)
    assert limit in interval
    needed = samples_to_settle(point, interval, limit, n=1000, population=population)
    assert needed is not None
    assert limit not in after(round(1.1 * needed))[1]
    assert limit in after(round(0.8 * needed))[1]


def test_settling_edges() -> None:
    around = Interval(0.0, 0.02, 0.9, "test")
    assert samples_to_settle(0.01, around, 0.01, n=10, population=100) == 100
    assert samples_to_settle(0.01, around, 0.01, n=10, population=None) is None
    assert samples_to_settle(0.01, around, 0.03, n=10, population=100) == 10
    assert samples_to_settle(0.01, around, 0.015, n=10, population=None) == 40
    with pytest.raises(ValueError, match="population 5"):
        samples_to_settle(0.01, around, 0.01, n=10, population=5)


@given(st.integers(1, 50000), st.floats(0.01, 0.2))
def test_provable_drop_and_samples_to_prove_are_inverse(n: int, discordance: float) -> None:
    drop = provable_drop(n, population=50000, discordance=discordance, tolerance=0.01, confidence=0.95)
    if drop is None:
        best = samples_to_prove(
            -discordance, population=50000, discordance=discordance, tolerance=0.01, confidence=0.95
        )
        assert best is not None
        assert best > n
    else:
        assert drop <= 0.01
        needed = samples_to_prove(drop, population=50000, discordance=discordance, tolerance=0.01, confidence=0.95)
        assert needed is not None
        assert n - 2 <= needed <= n + 1 or drop == -discordance


def test_the_promised_power_is_reached() -> None:
    """Simulated with the exact bounds, which the plan only approximates."""
    n, population, discordance = 2000, 10000, 0.01
    drop = provable_drop(n, population=population, discordance=discordance, tolerance=0.01, confidence=0.95)
    assert drop is not None
    first = round((discordance + drop) / 2 * population)
    second = round(discordance * population) - first
    drawn = np.random.default_rng(0).multivariate_hypergeometric(
        [first, second, population - first - second], n, size=150, method="marginals"
    )
    known: dict[tuple[int, ...], bool] = {}
    for row in map(tuple, drawn.tolist()):
        if row not in known:
            known[row] = exact_upper_limit(row[0], row[1], n, population, 0.05) <= 0.01
    power = np.mean([known[tuple(row)] for row in drawn.tolist()])
    assert power == pytest.approx(0.8, abs=0.02 + 2 * math.sqrt(0.16 / 150))


def test_more_samples_prove_more() -> None:
    drops = [
        provable_drop(n, population=10000, discordance=0.02, tolerance=0.01, confidence=0.95)
        for n in (1200, 4000, 9999)
    ]
    known = [drop for drop in drops if drop is not None]
    assert len(known) == 3
    assert known == sorted(known)
    assert provable_drop(10, population=10000, discordance=0.02, tolerance=0.01, confidence=0.95) is None
    assert provable_drop(10000, population=10000, discordance=0.02, tolerance=0.01, confidence=0.95) == 0.01


def test_drops_beyond_the_tolerance_cannot_be_proven() -> None:
    assert samples_to_prove(0.02, population=1000, discordance=0.05, tolerance=0.01, confidence=0.95) is None
    assert samples_to_prove(0.01, population=None, discordance=0.05, tolerance=0.01, confidence=0.95) is None
    assert samples_to_prove(0.01, population=1000, discordance=0.05, tolerance=0.01, confidence=0.95) == 1000
    with pytest.raises(ValueError, match="not possible"):
        samples_to_prove(0.06, population=1000, discordance=0.05, tolerance=0.01, confidence=0.95)
