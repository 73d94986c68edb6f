from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from pytest_quant.evidence.discordant import PrefixCounts
from pytest_quant.evidence.exact import exact_upper_limit
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.paired import PairedCounts, paired_counts_interval, paired_drop_interval
from pytest_quant.evidence.proportion import accuracy_interval, upper_count
from pytest_quant.evidence.score import population_correction, tango_statistic, tango_upper

Bools = NDArray[np.bool_]


def _pairs(counts: PairedCounts) -> tuple[Bools, Bools]:
    sizes = [counts.both, counts.only_fp32, counts.only_int8, counts.neither]
    return np.repeat([True, True, False, False], sizes), np.repeat([True, False, True, False], sizes)


@st.composite
def paired_counts(draw: st.DrawFn, most: int = 200) -> PairedCounts:
    n = draw(st.integers(1, most))
    only_fp32 = draw(st.integers(0, n))
    only_int8 = draw(st.integers(0, n - only_fp32))
    both = draw(st.integers(0, n - only_fp32 - only_int8))
    return PairedCounts(both, only_fp32, only_int8, n - only_fp32 - only_int8 - both)


retains = st.sampled_from([1.0, 0.99, 0.9])


@given(paired_counts())
def test_counts_of_outcomes(counts: PairedCounts) -> None:
    assert PairedCounts.of(*_pairs(counts)) == counts
    fp32, int8 = _pairs(counts)
    assert counts.contrast() == pytest.approx(fp32.mean() - int8.mean())
    assert counts.contrast(0.9) == pytest.approx(0.9 * fp32.mean() - int8.mean())
    assert counts.discordance == pytest.approx((fp32 != int8).mean())


@settings(max_examples=15, deadline=None)
@given(paired_counts(), retains, st.one_of(st.none(), st.integers(1, 500)))
def test_bounds_hold_the_point_and_widen_with_confidence(
    counts: PairedCounts, retain: float, unseen: int | None
) -> None:
    population = None if unseen is None else counts.n + unseen
    intervals = [
        paired_counts_interval(counts, population=population, confidence=confidence, retain=retain)
        for confidence in (0.8, 0.95, 0.995)
    ]
    point = counts.contrast(retain)
    for narrow, wide in itertools.pairwise(intervals):
        assert wide.low <= narrow.low + 1e-9
        assert narrow.low <= point <= narrow.high
        assert narrow.high <= wide.high + 1e-9


@settings(max_examples=15, deadline=None)
@given(paired_counts(), st.one_of(st.none(), st.integers(1, 500)))
def test_swapping_the_models_mirrors_the_interval(counts: PairedCounts, unseen: int | None) -> None:
    population = None if unseen is None else counts.n + unseen
    swapped = PairedCounts(counts.both, counts.only_int8, counts.only_fp32, counts.neither)
    interval = paired_counts_interval(counts, population=population, confidence=0.95)
    mirrored = paired_counts_interval(swapped, population=population, confidence=0.95)
    assert (mirrored.low, mirrored.high) == (-interval.high, -interval.low)


@given(paired_counts(), retains)
def test_the_whole_dataset_gives_the_point(counts: PairedCounts, retain: float) -> None:
    fp32, int8 = _pairs(counts)
    interval = paired_drop_interval(fp32, int8, population=counts.n, confidence=0.95, retain=retain)
    assert interval.low == interval.high == counts.contrast(retain)
    assert interval.width == 0.0


@pytest.mark.parametrize("population", [None, 220, 400, 50000])
def test_zero_discordant_pairs_have_a_width(population: int | None) -> None:
    right = np.arange(200) < 150
    interval = paired_drop_interval(right, right, population=population, confidence=0.95)
    assert interval.low < 0.0 < interval.high
    assert interval.low == -interval.high


def test_zero_discordant_pairs_and_one_unseen_sample() -> None:
    # A single flip in 201 samples is the unseen one with probability 1/201, less than the error.
    assert exact_upper_limit(0, 0, 200, 201, 0.05) == 0.0
    assert exact_upper_limit(0, 0, 200, 201, 0.004) == 1 / 201


def test_zero_discordant_pairs_of_new_samples_follow_the_rule_of_three() -> None:
    # No c can balance the unseen b in the worst case, so the limit solves (1 - drop)^n = error.
    assert exact_upper_limit(0, 0, 1000, None, 0.05) == pytest.approx(1 - 0.05 ** (1 / 1000), rel=0.006)


@pytest.mark.parametrize(("n", "population", "error"), [(4, 9, 0.05), (6, 12, 0.05), (10, 14, 0.1), (12, 30, 0.025)])
def test_upper_limit_errs_at_most_nominally_in_every_dataset(n: int, population: int, error: float) -> None:
    """Exhaustive: every dataset, every sample."""
    samples = [(b, c) for b in range(n + 1) for c in range(n + 1 - b)]
    limits = {sample: exact_upper_limit(*sample, n, population, error) for sample in samples}
    worst = 0.0
    for first in range(population + 1):
        for second in range(population + 1 - first):
            rest, drop = population - first - second, (first - second) / population
            ways = sum(
                math.comb(first, b) * math.comb(second, c) * math.comb(rest, n - b - c)
                for (b, c), limit in limits.items()
                if limit < drop - 1e-9
            )
            worst = max(worst, ways / math.comb(population, n))
    assert error / 4 < worst <= error


@pytest.mark.parametrize("retain", [0.9, 0.6])
def test_relative_bounds_err_at_most_nominally_in_every_dataset(retain: float) -> None:
    n, population, error = 5, 8, 0.1
    compositions = [
        (a, b, c, n - a - b - c) for a in range(n + 1) for b in range(n + 1 - a) for c in range(n + 1 - a - b)
    ]
    intervals = {
        sample: paired_counts_interval(
            PairedCounts(*sample), population=population, confidence=1 - error, retain=retain
        )
        for sample in compositions
    }
    total = math.comb(population, n)
    for both in range(population + 1):
        for first in range(population + 1 - both):
            for second in range(population + 1 - both - first):
                dataset = (both, first, second, population - both - first - second)
                truth = PairedCounts(*dataset).contrast(retain)
                above = below = 0
                for sample, interval in intervals.items():
                    ways = math.prod(math.comb(whole, part) for whole, part in zip(dataset, sample, strict=True))
                    above += ways * (truth > interval.high + 1e-9)
                    below += ways * (truth < interval.low - 1e-9)
                assert max(above, below) / total <= error


@pytest.mark.parametrize(
    ("n", "first", "second", "error"), [(40, 0.05, 0.02, 0.05), (40, 0.1, 0.0, 0.05), (12, 0.3, 0.3, 0.1)]
)
def test_upper_limit_for_new_samples_errs_at_most_nominally(n: int, first: float, second: float, error: float) -> None:
    missed = 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            rest = n - b - c
            weight = math.factorial(n) / math.factorial(b) / math.factorial(c) / math.factorial(rest)
            probability = weight * first**b * second**c * (1 - first - second) ** rest
            if probability > 1e-6 and exact_upper_limit(b, c, n, None, error) < first - second:
                missed += probability
    assert missed <= error


def test_probability_of_a_region_is_the_multivariate_hypergeometric_sum() -> None:
    n, population, first, second = 30, 90, 20, 25
    expected = sum(
        math.comb(first, b) * math.comb(second, c) * math.comb(population - first - second, n - b - c)
        for b in range(first + 1)
        for c in range(second + 1)
        if c >= b // 2 + 3 and b + c <= n
    ) / math.comb(population, n)
    found = PrefixCounts(n, population).below_curve(first / population, second / population, lambda b: b // 2 + 3)
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_coarse_sum_over_many_discordant_pairs_agrees_with_a_simulation() -> None:
    n, first, second = 200_000, 0.2, 0.1
    drawn = np.random.default_rng(0).multinomial(n, [first, second, 1 - first - second], size=40_000)
    simulated = (drawn[:, 1] >= drawn[:, 0] // 2 + 100).mean()
    found = PrefixCounts(n, None).below_curve(first, second, lambda b: b // 2 + 100)
    assert found == pytest.approx(simulated, abs=0.01)


@pytest.mark.parametrize(
    ("n", "population", "only_fp32", "only_int8", "low", "high"),
    [
        (1000, 50000, 3, 2, -0.00332, 0.00558),
        (4000, 50000, 40, 20, 0.00196, 0.0082),
        (10000, 50000, 150, 100, 0.00268, 0.00736),
    ],
)
def test_known_values(n: int, population: int, only_fp32: int, only_int8: int, low: float, high: float) -> None:
    counts = PairedCounts(0, only_fp32, only_int8, n - only_fp32 - only_int8)
    interval = paired_counts_interval(counts, population=population, confidence=0.95)
    assert (interval.low, interval.high) == (low, high)


def test_large_samples_are_fast() -> None:
    """Not a benchmark: guards against a search that no longer ends early (measured: 20 to 60 ms)."""
    for n, population in ((10_000, 50_000), (50_000, None)):
        counts = PairedCounts(0, n // 50, n // 100, n - n // 50 - n // 100)
        started = time.perf_counter()
        paired_counts_interval(counts, population=population, confidence=0.95)
        assert time.perf_counter() - started < 2.0


def test_unusable_arguments_are_refused() -> None:
    right = np.ones(4, bool)
    with pytest.raises(ValueError, match="fp32_right has 4 outcomes, int8_right 3"):
        paired_drop_interval(right, right[:3], population=None, confidence=0.95)
    with pytest.raises(ValueError, match="int8_right must be a boolean array"):
        paired_drop_interval(right, np.ones(4), population=None, confidence=0.95)
    with pytest.raises(ValueError, match="retain 0"):
        paired_drop_interval(right, right, population=None, confidence=0.95, retain=0.0)
    with pytest.raises(ValueError, match="population 3"):
        paired_drop_interval(right, right, population=3, confidence=0.95)
    with pytest.raises(ValueError, match="confidence"):
        paired_drop_interval(right, right, population=None, confidence=0.5)


def test_interval_refuses_crossed_bounds() -> None:
    with pytest.raises(ValueError, match="not at or below"):
        Interval(1.0, 0.0, 0.9, "test")
    assert 0.5 in Interval(0.0, 1.0, 0.9, "test")


@pytest.mark.parametrize(("b", "c", "n", "population"), [(3, 2, 200, 2000), (12, 0, 300, 3000), (20, 25, 400, 1500)])
def test_no_number_of_discordant_pairs_is_left_unrefuted(b: int, c: int, n: int, population: int) -> None:
    """The search looks at a grid of them; here is every one, with sums that share no code with the search."""
    error = 0.05
    limit = exact_upper_limit(b, c, n, population, error)
    tango = tango_upper(b, c, n, error, population_correction(n, population))
    firsts, seconds = np.meshgrid(np.arange(81), np.arange(81), indexing="ij")
    statistic = tango_statistic(firsts, seconds, n, tango, population_correction(n, population))
    below = statistic <= stats.norm.ppf(error) + 1e-9
    drop = round(limit * population) + 1
    probabilities = []
    most = round(population * upper_count(b + c, n, population, error / 200))  # of both kinds, nearly certainly
    for second in range(c, (most - drop) // 2 + 1):
        dataset = [drop + second, second, population - drop - 2 * second]
        probability = stats.multivariate_hypergeom.pmf(
            np.stack([firsts, seconds, n - firsts - seconds], axis=-1), dataset, n
        )
        probabilities.append(probability[below].sum())
    assert 0.9 * error < max(probabilities) <= 0.99 * error + 1e-6


@pytest.mark.parametrize("retain", [0.8, 0.97, 1.03, 1.2])
@pytest.mark.parametrize("population", [9, 40])
def test_the_two_parts_of_a_relative_bound_share_its_error(retain: float, population: int) -> None:
    """Both bounds are made of parts at one share of the error and the rest of it, never of the whole error twice."""
    lose, error, n = abs(1 - retain), 0.2, 8
    counts = PairedCounts(both=4, only_fp32=2, only_int8=1, neither=1)
    found = paired_counts_interval(counts, population=population, confidence=1 - error, retain=retain)
    shares = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]
    possible = []
    for share in shares:
        drop = error * (1 - share)
        low, high = -exact_upper_limit(1, 2, n, population, drop), exact_upper_limit(2, 1, n, population, drop)
        own = accuracy_interval(np.arange(n) < 5, population=population, confidence=1 - error * share)
        ends = sorted((np.sign(1 - retain) * lose * own.low, np.sign(1 - retain) * lose * own.high))
        possible.append((retain * low - ends[1], retain * high - ends[0]))
    point = counts.contrast(retain)
    assert any((found.low, found.high) == pytest.approx((min(low, point), max(high, point))) for low, high in possible)
