from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from pytest_quant.evidence.proportion import accuracy_interval, lower_count, upper_count


def _outcomes(successes: int, n: int) -> NDArray[np.bool_]:
    return np.arange(n) < successes


@pytest.mark.parametrize(("successes", "n"), [(0, 7), (1, 9), (5, 10), (72, 100), (100, 100)])
def test_without_population_it_is_clopper_pearson(successes: int, n: int) -> None:
    interval = accuracy_interval(_outcomes(successes, n), population=None, confidence=0.95)
    expected = stats.binomtest(successes, n).proportion_ci(0.90, method="exact")
    assert interval.low == pytest.approx(expected.low, abs=1e-9)
    assert interval.high == pytest.approx(expected.high, abs=1e-9)
    assert interval.level == 0.90


@pytest.mark.parametrize(("n", "population"), [(1, 2), (3, 8), (7, 20), (19, 20)])
def test_each_bound_errs_at_most_nominally_in_every_dataset(n: int, population: int) -> None:
    error = 0.1
    for total in range(population + 1):
        counts = np.arange(n + 1)
        weights = stats.hypergeom.pmf(counts, population, total, n)
        high = np.array([upper_count(int(count), n, population, error) for count in counts])
        low = np.array([lower_count(int(count), n, population, error) for count in counts])
        assert weights[total / population > high + 1e-9].sum() <= error + 1e-9
        assert weights[total / population < low - 1e-9].sum() <= error + 1e-9


def test_finite_upper_bound_is_the_last_total_that_is_not_refuted() -> None:
    high = upper_count(3, 40, 200, 0.05)
    total = round(high * 200)
    assert stats.hypergeom.cdf(3, 200, total, 40) > 0.05
    assert stats.hypergeom.cdf(3, 200, total + 1, 40) <= 0.05


@settings(max_examples=30)
@given(st.integers(1, 60), st.data())
def test_finite_interval_holds_the_point_and_narrows_with_the_population(n: int, data: st.DataObject) -> None:
    right, population = _outcomes(data.draw(st.integers(0, n)), n), n + data.draw(st.integers(1, 200))
    point, sample = right.mean(), 1 / population  # a finite bound is a whole number of samples, so it may miss by one
    whole = accuracy_interval(right, population=n, confidence=0.95)
    part = accuracy_interval(right, population=population, confidence=0.95)
    endless = accuracy_interval(right, population=None, confidence=0.95)
    assert whole.low == whole.high == pytest.approx(point)
    assert part.low <= point + 1e-9
    assert point <= part.high + 1e-9
    assert endless.low < part.low + sample
    assert part.high < endless.high + sample


def test_a_finite_bound_can_miss_the_endless_one_by_a_part_of_a_sample() -> None:
    part, endless = (accuracy_interval(_outcomes(1, 4), population=size, confidence=0.95) for size in (157, None))
    assert 0 < endless.low - part.low < 1 / 157


def test_unusable_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"boolean array of shape \(n,\)"):
        accuracy_interval(np.ones(4), population=None, confidence=0.95)
    with pytest.raises(ValueError, match="boolean"):
        accuracy_interval(np.zeros(0, bool), population=None, confidence=0.95)
    with pytest.raises(ValueError, match="population 3 is smaller than the 4 outcomes"):
        accuracy_interval(np.ones(4, bool), population=3, confidence=0.95)
    with pytest.raises(ValueError, match="confidence"):
        accuracy_interval(np.ones(4, bool), population=None, confidence=95)
