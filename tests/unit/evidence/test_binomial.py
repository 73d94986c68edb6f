from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import bdtr, bdtrc, betaincinv, gammaln, ndtri

from pytest_quant.evidence.binomial import at_least, at_most, share_at
from pytest_quant.evidence.discordant import log_factorials
from pytest_quant.evidence.score import quantile


@given(st.data())
def test_tails_are_those_of_scipy(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 100_000))
    most = data.draw(st.integers(0, n))
    share = data.draw(st.floats(1e-4, 1 - 1e-4))
    assert at_most(most, n, share) == pytest.approx(bdtr(most, n, share), rel=1e-8, abs=1e-14)
    least = most + 1
    assert at_least(least, n, share) == pytest.approx(bdtrc(most, n, share), rel=1e-8, abs=1e-14)


@pytest.mark.parametrize(
    ("most", "n", "share", "expected"),
    [(-1, 3, 0.5, 0.0), (3, 3, 0.5, 1.0), (4, 3, 0.5, 1.0), (1, 3, 0.0, 1.0), (1, 3, 1.0, 0.0), (0, 0, 0.5, 1.0)],
)
def test_what_is_certain(most: int, n: int, share: float, expected: float) -> None:
    assert at_most(most, n, share) == expected


@given(st.floats(0, 1))
def test_normal_quantiles_are_those_of_scipy(probability: float) -> None:
    assert quantile(probability) == pytest.approx(float(ndtri(probability)), rel=1e-13, abs=1e-15)


@given(st.data())
def test_clopper_and_pearson_are_those_of_scipy(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 100_000))
    most = data.draw(st.integers(0, n - 1))
    error = data.draw(st.floats(1e-6, 0.9))
    expected = float(betaincinv(most + 1, n - most, 1.0 - error))
    assert share_at(most, n, error) == pytest.approx(expected, rel=1e-8)  # SciPy 1.11 is right to nine digits


@pytest.mark.parametrize("most", [0, 1, 1023, 1024, (1 << 18) - 1, 1 << 18])
def test_factorials_are_those_of_scipy(most: int) -> None:
    counts = np.array([0, most // 2, most])
    np.testing.assert_allclose(log_factorials(counts), gammaln(counts + 1.0), rtol=1e-14)
