from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.evidence.bootstrap import Recompute, bootstrap_drop_interval, bootstrap_score_interval

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def _mean_of(values: Floats) -> Recompute:
    def recompute(counts: Counts) -> Floats:
        assert counts.dtype == np.int64
        return np.asarray(counts @ values / counts.sum(axis=1), dtype=np.float64)

    return recompute


def _hmean_of(truths: Counts, found: Counts, hits: Counts) -> Recompute:
    def recompute(counts: Counts) -> Floats:
        return np.asarray(2.0 * (counts @ hits) / (counts @ (truths + found)), dtype=np.float64)

    return recompute


def _detections(images: int, seed: int = 0, lose: float = 0.03) -> tuple[Counts, Counts, Counts, Counts]:
    """Truths, found and hits of one side, and hits of the other, which loses and gains a few."""
    rng = np.random.default_rng(seed)
    truths = 1 + rng.poisson(4, images)
    hits = rng.binomial(truths, 0.8)
    other = hits - rng.binomial(hits, lose) + rng.binomial(truths - hits, lose)
    return truths, hits + rng.poisson(0.7, images), hits, other


def _pair(images: int, seed: int = 0, lose: float = 0.03) -> tuple[Recompute, Recompute]:
    truths, found, hits, other = _detections(images, seed, lose)
    return _hmean_of(truths, found, hits), _hmean_of(truths, found, other)


def test_for_a_mean_it_is_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, 900)
    interval = bootstrap_score_interval(_mean_of(values), images=900, population=None, confidence=0.975, resamples=4000)
    half = 1.96 * values.std() / 30
    assert interval.high - values.mean() == pytest.approx(half, rel=0.06)
    assert values.mean() - interval.low == pytest.approx(half, rel=0.06)
    assert interval.level == 0.95
    assert interval.method.startswith("approximate")


def test_the_finite_dataset_narrows_it() -> None:
    fp32, int8 = _pair(400)
    endless, part, whole = (
        bootstrap_drop_interval(fp32, int8, images=400, population=population, confidence=0.95)
        for population in (None, 1000, 400)
    )
    assert part.width == pytest.approx(endless.width * np.sqrt(600 / 999))
    ones = np.ones((1, 400), dtype=np.int64)
    assert whole.low == whole.high == fp32(ones)[0] - int8(ones)[0]


def test_wider_with_confidence_and_around_the_point() -> None:
    fp32, int8 = _pair(100)
    narrow = bootstrap_drop_interval(fp32, int8, images=100, population=500, confidence=0.8)
    wide = bootstrap_drop_interval(fp32, int8, images=100, population=500, confidence=0.99)
    ones = np.ones((1, 100), dtype=np.int64)
    assert wide.low < narrow.low < fp32(ones)[0] - int8(ones)[0] < narrow.high < wide.high


def test_pairing_uses_the_same_resamples() -> None:
    fp32, int8 = _pair(300)
    paired = bootstrap_drop_interval(fp32, int8, images=300, population=None, confidence=0.95)
    alone = bootstrap_score_interval(fp32, images=300, population=None, confidence=0.95)
    assert paired.width < 0.7 * alone.width


def test_swapping_the_models_mirrors_it() -> None:
    fp32, int8 = _pair(150)
    forward = bootstrap_drop_interval(fp32, int8, images=150, population=500, confidence=0.95)
    backward = bootstrap_drop_interval(int8, fp32, images=150, population=500, confidence=0.95)
    assert (forward.low, forward.high) == pytest.approx((-backward.high, -backward.low))


def test_relative_contrast() -> None:
    fp32, _ = _pair(150)
    interval = bootstrap_drop_interval(fp32, fp32, images=150, population=500, confidence=0.95, retain=0.9)
    value = fp32(np.ones((1, 150), dtype=np.int64))[0]
    assert interval.low < -0.1 * value < interval.high < 0.0


def test_models_that_agree_on_every_image_still_have_a_width() -> None:
    fp32, _ = _pair(100)
    interval = bootstrap_drop_interval(fp32, fp32, images=100, population=500, confidence=0.95)
    assert interval.low == -interval.high
    # About the rule of three for the share of images not seen to differ.
    assert 0.01 < interval.high < 0.03


def test_seed_and_block_size_decide_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    fp32, int8 = _pair(300)

    def interval(seed: int) -> tuple[float, float]:
        found = bootstrap_drop_interval(fp32, int8, images=300, population=None, confidence=0.95, seed=seed)
        return found.low, found.high

    first, other = interval(0), interval(1)
    assert first != other
    assert first == pytest.approx(other, abs=0.3 * (first[1] - first[0]))
    monkeypatch.setattr("pytest_quant.evidence.bootstrap._BLOCK_ELEMENTS", 1000)
    assert interval(0) == pytest.approx(first, abs=1e-12)


def test_coverage_of_a_drop_in_hmean() -> None:
    """A coarse guard; benchmarks/bootstrap_study.py measures it."""
    population, n, repetitions = 600, 80, 150
    truths, found, hits, other = _detections(population, seed=5)
    ones = np.ones((1, population), dtype=np.int64)
    drop = (_hmean_of(truths, found, hits)(ones) - _hmean_of(truths, found, other)(ones))[0]
    rng, covered = np.random.default_rng(6), 0
    for _ in range(repetitions):
        part = rng.permutation(population)[:n]
        sides = (_hmean_of(truths[part], found[part], side[part]) for side in (hits, other))
        covered += drop in bootstrap_drop_interval(
            *sides, images=n, population=population, confidence=0.975, resamples=150
        )
    assert covered / repetitions >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / repetitions)


def test_undefined_resamples_are_left_out_if_they_are_few() -> None:
    rare = np.zeros(40)
    rare[:3] = 1.0

    def precision(counts: Counts) -> Floats:
        kept = counts @ rare
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(kept > 0, counts[:, 0] / kept, np.nan), dtype=np.float64)

    interval = bootstrap_score_interval(precision, images=40, population=None, confidence=0.95)
    assert interval.low < 1 / 3 < interval.high

    def mostly_undefined(counts: Counts) -> Floats:
        return np.where(counts[:, 0] == 1, 0.5, np.nan)

    interval = bootstrap_score_interval(mostly_undefined, images=40, population=None, confidence=0.95)
    assert (interval.low, interval.high) == (0.0, 1.0), "nothing is known"
    assert interval.method.startswith("unknown: the metric is undefined for ")
    with pytest.raises(ValueError, match="on the 40 images themselves"):
        bootstrap_score_interval(
            lambda counts: np.full(len(counts), np.nan), images=40, population=None, confidence=0.95
        )


def test_one_image_tells_nothing() -> None:
    interval = bootstrap_score_interval(_mean_of(np.array([0.7])), images=1, population=None, confidence=0.95)
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_unusable_arguments_are_refused() -> None:
    fp32, int8 = _pair(10)
    with pytest.raises(ValueError, match="retain"):
        bootstrap_drop_interval(fp32, int8, images=10, population=None, confidence=0.95, retain=0.0)
    with pytest.raises(ValueError, match="population 5"):
        bootstrap_drop_interval(fp32, int8, images=10, population=5, confidence=0.95)
    with pytest.raises(ValueError, match="resamples"):
        bootstrap_drop_interval(fp32, int8, images=10, population=None, confidence=0.95, resamples=1)
