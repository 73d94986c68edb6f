from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from pytest_quant.evidence.score import (
    normal_quantile,
    population_correction,
    tango_bounds,
    tango_statistic,
    tango_upper,
)


@pytest.mark.parametrize(
    ("b", "c", "n", "drop"), [(5, 2, 40, 0.1), (0, 3, 50, -0.02), (9, 1, 30, 0.4), (4, 4, 20, 0.0)]
)
def test_variance_is_at_the_maximum_likelihood_under_the_hypothesis(b: int, c: int, n: int, drop: float) -> None:
    def negative_log_likelihood(q: float) -> float:
        return -float(b * np.log(q + drop) + c * np.log(q) + (n - b - c) * np.log(1 - 2 * q - drop))

    low, high = max(0.0, -drop), (1 - drop) / 2
    best = optimize.minimize_scalar(negative_log_likelihood, bounds=(low + 1e-12, high - 1e-12), method="bounded",
                                    options={"xatol": 1e-12})  # fmt: skip
    variance = n * (2 * best.x + drop - drop**2)
    assert float(tango_statistic(b, c, n, drop)) == pytest.approx((b - c - n * drop) / np.sqrt(variance), rel=1e-5)


def test_at_zero_drop_it_is_mcnemars_statistic() -> None:
    assert float(tango_statistic(15, 6, 100, 0.0)) == pytest.approx((15 - 6) / np.sqrt(21))


@given(st.integers(2, 200), st.data())
def test_it_rises_with_first_and_falls_with_second_and_drop(n: int, data: st.DataObject) -> None:
    """The exact limit needs this: it searches along each of the three."""
    b = data.draw(st.integers(0, n - 1))
    c = data.draw(st.integers(0, n - 1 - b))
    drop = data.draw(st.integers(-95, 95)) / 100
    here = float(tango_statistic(b, c, n, drop))
    assert float(tango_statistic(b + 1, c, n, drop)) >= here - 1e-9
    assert float(tango_statistic(b, c + 1, n, drop)) <= here + 1e-9
    assert float(tango_statistic(b, c, n, min(drop + 0.01, 1.0))) <= here + 1e-9


@given(st.integers(1, 300), st.data())
def test_bounds_solve_the_score_equation(n: int, data: st.DataObject) -> None:
    b = data.draw(st.integers(0, n))
    c = data.draw(st.integers(0, n - b))
    low, high = tango_bounds(b, c, n, 0.05)
    assert low <= (b - c) / n <= high
    quantile = stats.norm.ppf(0.95)
    if b < n:
        assert float(tango_statistic(b, c, n, high)) == pytest.approx(-quantile, abs=1e-4)
    if c < n:
        assert float(tango_statistic(b, c, n, low)) == pytest.approx(quantile, abs=1e-4)


def test_zero_discordant_pairs_have_a_closed_form() -> None:
    squared = float(stats.norm.ppf(0.95)) ** 2
    assert tango_upper(0, 0, 500, 0.05) == pytest.approx(squared / (500 + squared))


def test_population_correction() -> None:
    assert population_correction(10, 40) == pytest.approx(30 / 39)
    assert population_correction(1, 1) == 0.0
    assert population_correction(10, None) == 1.0


def test_normal_quantile() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.6448536)
    assert normal_quantile(0.5) == 0.0
    with pytest.raises(ValueError, match="confidence 1"):
        normal_quantile(1.0)
