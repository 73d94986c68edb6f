from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.quantize.aciq import aciq_threshold
from pytest_quant.quantize.kl import BINS, divergences_of, kl_clip, kl_threshold, tool_divergence
from pytest_quant.quantize.thresholds import mse_clip, percentile_clip


def _histogram(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    values = np.abs(values[values != 0])
    indexes = np.minimum((values / values.max() * BINS).astype(int), BINS - 1)
    return np.bincount(indexes, minlength=BINS).astype(np.uint64)


def _textbook_divergence(fractions: NDArray[np.float32], kept: int) -> float:
    """Overlap by overlap, as the method is described."""
    width = kept / 128
    clipped = [float(f) + 1e-4 for f in fractions[:kept]]
    clipped[-1] += float(fractions[kept:].sum(dtype=np.float64))
    expanded = [1e-4] * kept
    for level in range(128):
        overlaps = {
            i: min(i + 1, (level + 1) * width) - max(i, level * width)
            for i in range(math.floor(level * width), min(math.ceil((level + 1) * width), kept))
        }
        mean = sum(share * float(fractions[i]) for i, share in overlaps.items()) / width
        for i, share in overlaps.items():
            expanded[i] += share * mean
    return sum(p * math.log(p / q) for p, q in zip(clipped, expanded, strict=True))


@given(st.integers(0, 10**6), st.integers(128, BINS - 1))
@settings(max_examples=25)
def test_both_divergences_are_the_textbooks(seed: int, kept: int) -> None:
    histogram = _histogram(np.random.default_rng(seed).standard_t(4, 5000))
    fractions = (histogram / histogram.sum()).astype(np.float32)
    expected = _textbook_divergence(fractions, kept)
    assert divergences_of(fractions, [kept])[0] == pytest.approx(expected, rel=1e-6)
    assert tool_divergence(fractions, kept) == pytest.approx(expected, rel=5e-4, abs=1e-6)


def test_the_search_finds_the_tools_minimum() -> None:
    histogram = _histogram(np.random.default_rng(3).standard_t(4, 20000))
    fractions = (histogram / histogram.sum()).astype(np.float32)
    best = kl_threshold(histogram)
    around = [*range(128, BINS, 16), *range(max(best - 20, 128), min(best + 20, BINS))]
    divergences = {t: tool_divergence(fractions, t) for t in around}
    assert divergences[best] == min(divergences.values())


def test_kl_clips_far_outliers() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    assert kl_threshold(_histogram(np.append(values, 40.0))) < BINS / 4


def test_kl_clip_is_the_middle_of_the_last_bin() -> None:
    histogram = np.zeros(BINS, np.uint64)
    histogram[:128] = 10  # nothing beyond: the smallest threshold loses nothing
    assert kl_threshold(histogram) == 128
    assert kl_clip(histogram, 2048.0) == 128.5


def test_aciq_by_hand() -> None:
    deviation = 3.0 * 2 * 0.175 * (1 + math.sqrt(math.pi * math.log(4))) / math.sqrt(2 * math.log(900))
    assert float(aciq_threshold(3.0, 900)) == pytest.approx(3.92403714 * deviation, rel=1e-6)
    assert float(aciq_threshold(3.0, 900, bits=6)) == pytest.approx(3.28691474 * deviation, rel=1e-6)


def test_percentile() -> None:
    histogram = np.zeros(BINS, np.uint64)
    histogram[0], histogram[1000], histogram[-1] = 50, 40, 10
    assert percentile_clip(histogram, 0, 2048.0, 50) == 1.0
    assert percentile_clip(histogram, 0, 2048.0, 90) == 1001.0
    assert percentile_clip(histogram, 0, 2048.0, 90.1) == 2048.0
    assert percentile_clip(histogram, 900, 2048.0, 95) == 1.0
    with pytest.raises(ValueError, match="percentile is 0"):
        percentile_clip(histogram, 0, 1.0, 0)


@given(st.integers(0, 10**6), st.floats(50, 100))
@settings(max_examples=25)
def test_percentile_keeps_what_it_says(seed: int, percentile: float) -> None:
    values = np.abs(np.random.default_rng(seed).normal(size=2000))
    clip = percentile_clip(_histogram(values), 0, float(values.max()), percentile)
    assert np.mean(values <= clip * (1 + 1e-6)) * 100 >= percentile - 1e-9
    assert np.mean(values <= clip - 2 * values.max() / BINS) * 100 <= percentile


def test_mse_clips_outliers_only() -> None:
    rng = np.random.default_rng(0)
    uniform = rng.uniform(-1, 1, 1_000_000)
    peak = float(np.abs(uniform).max())
    assert mse_clip(_histogram(uniform), peak) == pytest.approx(peak, rel=0.01)
    # least c^2 / (12 * 127^2) + (8 - c)^2 / 10^6
    ratio = 12 * 127**2 / 1e6
    assert mse_clip(_histogram(np.append(uniform, 8.0)), 8.0) == pytest.approx(8 * ratio / (1 + ratio), rel=0.01)


def test_mse_is_near_the_least_measured_error() -> None:
    values = np.random.default_rng(1).standard_t(5, 100_000)
    peak = float(np.abs(values).max())

    def error(clip: float) -> float:
        step = clip / 127
        return float(np.mean((np.clip(np.round(values / step), -127, 127) * step - values) ** 2))

    least = min(error(clip) for clip in np.linspace(peak / 16, peak, 200))
    assert error(mse_clip(_histogram(values), peak)) < 1.05 * least
