"""Beside `scipy.stats`, which `evidence` does not import, and whole numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from pytest_quant.evidence.hypergeometric import at_most, is_likelier


@pytest.mark.parametrize(("population", "drawn"), [(1, 1), (2, 1), (9, 4), (20, 19), (60, 60), (400, 37)])
def test_every_probability_of_a_small_dataset_is_that_of_scipy(population: int, drawn: int) -> None:
    for total in range(population + 1):
        counts = np.arange(max(0, drawn + total - population), min(drawn, total) + 1)
        expected = stats.hypergeom.cdf(counts, population, total, drawn)
        found = [at_most(int(count), population, total, drawn) for count in counts]
        assert found == pytest.approx(list(expected), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("population", "drawn"), [(5000, 500), (50_000, 5000), (50_000, 49_000), (1_000_000, 20_000)])
@pytest.mark.parametrize("share", [0.0001, 0.01, 0.3, 0.5, 0.97])
@pytest.mark.parametrize("away", [-6.0, -1.6, 0.0, 2.0, 5.0])
def test_large_datasets_too(population: int, drawn: int, share: float, away: float) -> None:
    total = round(share * population)
    spread = math.sqrt(drawn * share * (1 - share) * (1 - drawn / population))
    least, most = max(0, drawn + total - population), min(drawn, total)
    count = min(max(round(drawn * share + away * spread), least), most)
    expected = float(stats.hypergeom.cdf(count, population, total, drawn))
    assert at_most(count, population, total, drawn) == pytest.approx(expected, rel=1e-6)


def test_a_tie_is_decided_by_whole_numbers() -> None:
    """One sample of 20 is of the kind, and the one that is not drawn is that one: a probability of 1/20."""
    assert not is_likelier(0, 20, 1, 19, 0.05)  # 0.05 as a float is a little more than 1/20
    assert is_likelier(0, 20, 1, 19, math.nextafter(0.05, 0.0))
    assert not is_likelier(0, 20, 1, 19, 1.0 - 0.95)
    assert is_likelier(0, 16, 1, 12, math.nextafter(0.25, 0.0))
    assert not is_likelier(0, 16, 1, 12, 0.25)


def test_a_bound_is_where_scipy_has_it() -> None:
    from pytest_quant.evidence.proportion import upper_count

    for successes, drawn, population in [(0, 100, 10_000), (12, 500, 50_000), (250, 500, 50_000), (4990, 5000, 50_000)]:
        for error in (0.05, 0.00025):
            total = round(upper_count(successes, drawn, population, error) * population)
            assert stats.hypergeom.cdf(successes, population, total, drawn) > error
            assert total == population - drawn + successes or (
                stats.hypergeom.cdf(successes, population, total + 1, drawn) <= error
            )
