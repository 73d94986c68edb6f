from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from pytest_quant.evidence.bootstrap import bootstrap_drop_interval
from pytest_quant.evidence.looks import LEAST_IMAGES, LookPlan, boundaries, spent

FIFTHS = [0.2, 0.4, 0.6, 0.8, 1.0]

# As `ldbounds` (R) and tables print them: Lan-DeMets, O'Brien-Fleming type, equal steps of information.
PUBLISHED = [
    (FIFTHS, 0.025, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
    ([0.25, 0.5, 0.75, 1.0], 0.025, [4.3326, 2.9631, 2.3590, 2.0141]),
    ([0.5, 1.0], 0.025, [2.9626, 1.9686]),
]


@pytest.mark.parametrize(("times", "error", "limits"), PUBLISHED)
def test_published_boundaries(times: list[float], error: float, limits: list[float]) -> None:
    assert boundaries(times, times, error) == pytest.approx(limits, abs=2e-4)


def test_two_looks_against_the_bivariate_normal() -> None:
    first, second = boundaries([0.3, 1.0], [1.0, 9.0], 0.05)
    correlation = math.sqrt(1 / 9)
    below = multivariate_normal(cov=[[1, correlation], [correlation, 1]]).cdf([first, second])
    assert 1 - below == pytest.approx(0.05, abs=1e-6)
    assert ndtr(-first) == pytest.approx(spent(0.3, 0.05))


sizes = st.lists(st.integers(1, 999), min_size=1, max_size=5, unique=True).map(sorted)


@given(sizes=sizes, error=st.floats(0.001, 0.2))
@settings(max_examples=40, deadline=None)
def test_no_look_spends_more_than_is_left(sizes: list[int], error: float) -> None:
    plan = LookPlan(tuple(sizes), 1000)
    found = plan.confidences(1 - error)
    assert all(1 - error - 1e-9 <= one < 1 for one in found), "each bound is at least as sure as all together"
    at_first = min(spent(sizes[0] / sizes[-1], error), error)
    assert 1 - found[0] == pytest.approx(at_first, rel=1e-3, abs=2e-15)
    assert sum(1 - one for one in found) >= error * (1 - 1e-6), "the error is spent, and Bonferroni is worse"


@given(samples=st.integers(1, 5000), more=st.integers(0, 5000))
def test_a_plan_ends_with_all_samples(samples: int, more: int) -> None:
    plan = LookPlan.of(samples, samples + more)
    assert plan.sizes[-1] == samples
    assert all(size >= LEAST_IMAGES for size in plan.sizes[:-1])
    assert [look.size for look in plan.looks] == list(plan.sizes)
    assert [look.is_last for look in plan.looks] == [False] * (len(plan.sizes) - 1) + [True]
    assert {look.count for look in plan.looks} == {len(plan.sizes)}


def test_a_look_at_the_whole_dataset_takes_no_error() -> None:
    """So the last look before it has all that is left; on a subset the last look is one like the others."""
    whole, subset = LookPlan.of(1000, 1000), LookPlan.of(1000, 4000)
    assert len(set(whole.confidences(0.95)[:3])) == 3
    assert whole.confidences(0.95)[2] == whole.confidences(0.95)[3]
    assert len(set(subset.confidences(0.95))) == 4
    assert whole.looks[0].confidence(0.95) == whole.confidences(0.95)[0]
    assert LookPlan.of(50, 50).confidences(0.95) == (0.95,)


def test_what_is_no_plan() -> None:
    for wrong in ((), (10, 5), (5, 11)):
        with pytest.raises(ValueError, match="expected rising sizes"):
            LookPlan(wrong, 10)
    with pytest.raises(ValueError, match=r"confidence 1\.5"):
        LookPlan.of(1000, 1000).confidences(1.5)


def test_means_of_a_finite_dataset_cross_the_boundaries_as_often_as_is_said() -> None:
    """The correlation of looks without replacement is right: known spread, random orders."""
    rng, plan, orders = np.random.default_rng(3), LookPlan.of(400, 400), 4000
    dataset = rng.normal(size=400)
    dataset -= dataset.mean()
    sums = np.cumsum(rng.permuted(np.tile(dataset, (orders, 1)), axis=1), axis=1)
    crossed = np.zeros(orders, bool)
    for look in plan.looks[:-1]:
        error = math.sqrt((1 / look.size - 1 / 400) * dataset.var(ddof=1))
        crossed |= ndtr(sums[:, look.size - 1] / look.size / error) > look.confidence(0.95)
    assert abs(crossed.mean() - 0.05) < 3 * math.sqrt(0.05 * 0.95 / orders)


@pytest.mark.parametrize("changed", [0, 3, 300])
def test_bounds_of_a_look_lie_outside_those_of_a_subset(changed: int) -> None:
    hits = (np.arange(300) % 3 > 0).astype(float)
    lost = np.where(np.arange(300) >= 300 - changed, 0.5 * hits, hits)

    def share(values: NDArray[Any]) -> object:
        return lambda counts: (counts @ values) / counts.sum(axis=1)

    plain, look = (
        bootstrap_drop_interval(
            share(hits),  # type: ignore[arg-type]
            share(lost),  # type: ignore[arg-type]
            images=300,
            population=1200,
            confidence=0.99,
            at_look=at_look,
        )
        for at_look in (False, True)
    )
    assert look.low < plain.low <= plain.high < look.high
    if changed == 300:
        assert look.width < 1.25 * plain.width, "where many images matter the two are nearly the same"


def test_a_look_at_everything_is_exact() -> None:
    values = np.array([0.1, 0.5, 0.9])
    found = bootstrap_drop_interval(
        lambda counts: (counts @ values) / counts.sum(axis=1),
        lambda counts: np.zeros(len(counts)),
        images=3,
        population=3,
        confidence=0.95,
        at_look=True,
    )
    assert found.low == found.high == pytest.approx(0.5)
