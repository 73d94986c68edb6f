from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.evidence.likeness import NOTHING, likeness, sqnr_note

Array = NDArray[np.float32]

signals = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=50).map(
    lambda found: np.array(found, np.float32)
)


@pytest.mark.parametrize(("factor", "expected_db"), [(1.1, 20), (1.01, 40), (0.9, 20), (2, 0), (-1, -6.0206)])
def test_noise_in_proportion_to_the_signal(factor: float, expected_db: float) -> None:
    signal = np.linspace(-3, 5, 100_000, dtype=np.float32)
    found = likeness(signal, (signal * np.float32(factor)).astype(np.float32))
    assert found.sqnr_db == pytest.approx(expected_db, abs=2e-3)
    assert found.cosine == pytest.approx(math.copysign(1, factor))


def test_noise_of_a_uniform_quantizer() -> None:
    """The textbook value: a step d adds noise of variance d^2/12."""
    signal = np.random.default_rng(0).uniform(-1, 1, 200_000).astype(np.float32)
    scale = 127
    found = likeness(signal, np.round(signal * scale).astype(np.float32) / np.float32(scale))
    assert found.sqnr_db == pytest.approx(10 * math.log10((1 / 3) / (scale**-2 / 12)), abs=0.1)


@pytest.mark.parametrize(
    ("reference", "other", "sqnr_db", "cosine", "note"),
    [
        ([1, 2], [1, 2], math.inf, 1, "identical"),
        ([0, 0], [0, 0], math.inf, 1, "identical"),
        ([0, 0], [0, 1], -math.inf, 0, "noise without a signal"),
        ([0, 1], [0, 0], 0, 0, None),
        ([1, math.nan], [1, 2], math.nan, math.nan, "values that are not finite"),
        ([1, 2], [1, math.inf], math.nan, math.nan, "values that are not finite"),
        ([1, math.inf], [1, math.inf], math.nan, math.nan, "values that are not finite"),
    ],
)
def test_values_without_a_number(
    reference: list[float], other: list[float], sqnr_db: float, cosine: float, note: str | None
) -> None:
    found = likeness(np.array(reference, np.float32), np.array(other, np.float32))
    assert found.sqnr_db == pytest.approx(sqnr_db, nan_ok=True)
    assert found.cosine == pytest.approx(cosine, nan_ok=True)
    assert sqnr_note(found.sqnr_db) == note


def test_values_whose_squares_are_beyond_float32() -> None:
    large = np.full(10, 1e30, np.float32)
    assert likeness(large, large * np.float32(1.1)).sqnr_db == pytest.approx(20, abs=1e-3)


def test_nothing_was_measured() -> None:
    assert sqnr_note(None) == "not measured"


def test_shapes_must_be_equal() -> None:
    with pytest.raises(ValueError, match=r"\(2,\) and \(1, 2\) differ"):
        likeness(np.zeros(2, np.float32), np.zeros((1, 2), np.float32))


@given(signals, signals, st.integers(0, 50))
def test_likenesses_add_up(one: Array, other: Array, at: int) -> None:
    size = min(one.size, other.size)
    one, other = one[:size], other[:size]
    parts = likeness(one[:at], other[:at]) + likeness(one[at:], other[at:]) + NOTHING
    whole = likeness(one, other)
    assert parts.signal == pytest.approx(whole.signal)
    assert parts.noise == pytest.approx(whole.noise)
    assert -1 <= whole.cosine <= 1
