"""Holm's correction, against its definition on p-values and against what it promises."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.evidence.family import confidence_of_each, holm


def holm_of_p_values(p_values: Sequence[float], error: float) -> set[int]:
    """The textbook's way: in rising order, until the first one that is too large."""
    found: set[int] = set()
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        if p_values[index] > error / (len(p_values) - step):
            break
        found.add(index)
    return found


@given(st.lists(st.floats(0.0, 0.2), max_size=12))
def test_it_is_the_textbooks(p_values: list[float]) -> None:
    shown = holm(lambda index, confidence: p_values[index] <= 1 - confidence + 1e-15, len(p_values), 0.95)
    near = any(abs(p - 0.05 / k) < 1e-9 for p in p_values for k in range(1, len(p_values) + 1))
    assert near or shown == holm_of_p_values(p_values, 0.05)


def test_more_is_certain_than_by_bonferroni_alone() -> None:
    p_values = [0.001, 0.02, 0.04]  # 0.02 > 0.05 / 3, but it has to share with one claim only
    assert holm(lambda index, confidence: p_values[index] <= 1 - confidence, 3, 0.95) == {0, 1, 2}


def test_a_family_of_true_hypotheses_is_rarely_rejected() -> None:
    rng = np.random.default_rng(0)
    rejected = sum(
        bool(holm(lambda index, confidence, p=p: p[index] <= 1 - confidence, 10, 0.95))  # type: ignore[misc]
        for p in rng.random((4000, 10))
    )
    assert 120 < rejected < 240  # 0.05 of 4000 is 200; Holm's is a little below it


def test_one_claim_needs_no_correction() -> None:
    assert confidence_of_each(0.95, 1) == 0.95
    assert holm(lambda index, confidence: confidence == 0.95, 1, 0.95) == {0}
    assert holm(lambda index, confidence: True, 0, 0.95) == frozenset()
