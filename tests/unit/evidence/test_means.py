"""Intervals for means of one score per sample: what they cover, and what they say of themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.evidence.means import bootstrap_mean_interval, contrast, contrast_outcomes, mean_interval
from pytest_quant.evidence.sequential import SequentialTest


def drawn(seed: int, n: int, population: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Scores of both sides of a random part of a dataset, and the drop on the whole dataset."""
    rng = np.random.default_rng(seed)
    fp32 = rng.beta(8, 2, population)
    int8 = np.clip(fp32 - 0.05 * rng.random(population) ** 3, 0, 1)
    order = rng.permutation(population)[:n]
    return fp32[order], int8[order], float((fp32 - int8).mean())


def test_the_whole_dataset_gives_the_mean_itself() -> None:
    values = np.array([0.25, 0.5, 1.0])
    interval = mean_interval(values, (0.0, 1.0), population=3, confidence=0.95)
    assert (interval.low, interval.high) == pytest.approx((values.mean(), values.mean()))
    assert interval.method == "whole dataset"


@pytest.mark.parametrize("population", [None, 2000])
def test_bounds_hold_the_drop_of_the_dataset_far_more_often_than_promised(population: int | None) -> None:
    missed = 0
    for seed in range(60):
        fp32, int8, drop = drawn(seed, 150, 2000)
        interval = mean_interval(contrast(fp32, int8), (-1.0, 1.0), population=population, confidence=0.95)
        missed += drop not in interval
    assert missed <= 6


def test_a_larger_part_of_a_finite_dataset_says_more() -> None:
    fp32, int8, _ = drawn(3, 400, 2000)
    values = contrast(fp32, int8)
    widths = [
        mean_interval(values, (-1.0, 1.0), population=population, confidence=0.95).width
        for population in (450, 800, 2000, None)
    ]
    assert widths == sorted(widths)
    assert widths[0] < 0.5 * widths[-1]


def test_lower_is_better_turns_the_sides_round() -> None:
    fp32, int8 = np.array([2.0, 3.0]), np.array([3.0, 3.5])
    assert contrast(fp32, int8, higher_is_better=False).tolist() == [1.0, 0.5]
    assert contrast(fp32, int8, retain=1.5, higher_is_better=False).tolist() == [0.0, -1.0]
    outcomes = contrast_outcomes(10, 4.0, retain=1.5, higher_is_better=False)
    assert (outcomes.low, outcomes.high) == (-6.0, 4.0)
    outcomes = contrast_outcomes(10, 4.0, retain=0.5)
    assert (outcomes.low, outcomes.high) == (-4.0, 2.0)


def test_the_sequential_test_takes_contrasts_of_any_range() -> None:
    rng = np.random.default_rng(1)
    fp32, int8 = rng.uniform(0, 255, 3000), np.zeros(3000)
    test = SequentialTest(contrast_outcomes(3000, 255.0), limit=10.0, confidence=0.95)
    assert test.update(contrast(fp32, int8)[:400]) == "beyond"
    assert test.decided_at is not None
    assert test.decided_at < 40


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.integers(0, 100),
    st.floats(0.01, 1000),
)
def test_the_unit_does_not_matter(values: list[float], rest: int, scale: float) -> None:
    """The same scores in another unit give the same bounds in that unit."""
    scores, population = np.array(values), len(values) + rest
    one = mean_interval(scores, (0.0, 1.0), population=population, confidence=0.95)
    other = mean_interval(scores * scale, (0.0, scale), population=population, confidence=0.95)
    assert (other.low, other.high) == pytest.approx((one.low * scale, one.high * scale), abs=1e-5 * scale)
    assert one.low - 1e-9 <= scores.mean() <= one.high + 1e-9


def test_without_bounds_the_method_says_bootstrap() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, 200)
    interval = bootstrap_mean_interval(values, scale=10.0, population=1000, confidence=0.95)
    assert "bootstrap" in interval.method
    half = 1.645 * 2 / np.sqrt(200) * np.sqrt(0.8)
    assert interval.width / 2 == pytest.approx(half, rel=0.15)


def test_samples_that_are_all_alike_leave_room_for_one_that_is_not() -> None:
    interval = bootstrap_mean_interval(np.zeros(50), scale=3.0, population=1000, confidence=0.95)
    assert interval.low < 0 < interval.high


def test_scores_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="of the same samples"):
        contrast([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="leave their range"):
        mean_interval([2.0], (0.0, 1.0), population=5, confidence=0.95)
