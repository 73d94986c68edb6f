from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.evidence.sequential import (
    Outcomes,
    SequentialTest,
    confidence_sequence,
    drop_outcomes,
    sequential_decision,
)

Floats = NDArray[np.float64]


def _orders(counts: tuple[int, ...], values: tuple[float, ...]) -> list[Floats]:
    """Every distinct order of a dataset; all are equally likely."""
    found: list[Floats] = []

    def extend(prefix: list[float], left: tuple[int, ...]) -> None:
        if not any(left):
            found.append(np.array(prefix))
        for index, count in enumerate(left):
            if count:
                extend([*prefix, values[index]], (*left[:index], count - 1, *left[index + 1 :]))

    extend([], counts)
    return found


def _wrong_early(order: Floats, outcomes: Outcomes, limit: float, confidence: float) -> bool:
    """Whether the decision before the last outcome is not the one of the whole dataset."""
    decision, _ = sequential_decision(order[:-1], outcomes, limit=limit, confidence=confidence)
    truth = "within" if order.sum() <= limit * order.size + 1e-9 else "beyond"
    return decision not in ("undecided", truth)


@pytest.mark.parametrize(("first", "second"), [(3, 0), (2, 1), (4, 1), (3, 3), (1, 0), (4, 2)])
@pytest.mark.parametrize("limit", [0.0, 0.1, 0.25])
def test_errors_over_all_orders_of_a_small_dataset(first: int, second: int, limit: float) -> None:
    orders = _orders((first, second, 9 - first - second), (1.0, -1.0, 0.0))
    wrong = np.mean([_wrong_early(order, Outcomes.of_drop(9), limit, 0.7) for order in orders])
    assert wrong <= 0.3


@pytest.mark.parametrize("first", [2, 3, 4])
def test_relative_errors_over_all_orders_of_a_small_dataset(first: int) -> None:
    outcomes = Outcomes.of_drop(8, retain=0.5)
    orders = _orders((4 - first // 2, first, 1, 3 - first + first // 2), (-0.5, 0.5, -1.0, 0.0))
    assert np.mean([_wrong_early(order, outcomes, 0.0, 0.7) for order in orders]) <= 0.3


def test_small_datasets_are_decided_early_sometimes() -> None:
    """Otherwise the two tests above could not fail."""
    orders = _orders((6, 0, 3), (1.0, -1.0, 0.0))
    decided = [sequential_decision(order[:-1], Outcomes.of_drop(9), limit=0.1, confidence=0.7) for order in orders]
    assert {decision for decision, _ in decided} >= {"beyond"}


@pytest.mark.parametrize(("discordant", "total", "right"), [(30, 0, "within"), (60, 55, "beyond")])
def test_clear_cases_are_decided_soon_and_rightly(discordant: int, total: int, right: str) -> None:
    first = (discordant + total) // 2
    values = np.repeat([1.0, -1.0, 0.0], [first, discordant - first, 3000 - discordant])
    rng = np.random.default_rng(1)
    found = [
        sequential_decision(rng.permutation(values), Outcomes.of_drop(3000), limit=0.01, confidence=0.95)
        for _ in range(60)
    ]
    assert np.mean([decision == right for decision, _ in found]) >= 0.9
    assert np.median([at for _, at in found if at is not None]) < 1200


def test_error_at_the_limit_in_a_larger_dataset() -> None:
    values = np.repeat([1.0, -1.0, 0.0], [30, 15, 1455])  # the drop is exactly one percent
    rng = np.random.default_rng(2)
    outcomes = Outcomes.of_drop(1500)
    decisions = [
        sequential_decision(rng.permutation(values)[:-1], outcomes, limit=0.01, confidence=0.9)[0] for _ in range(400)
    ]
    wrong = decisions.count("beyond") / 400
    assert 0.0 < wrong <= 0.1 + 2 * math.sqrt(0.09 / 400)


def _sample(seed: int, n: int, discordance: float = 0.2) -> Floats:
    rng = np.random.default_rng(seed)
    return rng.choice(np.array([1.0, -1.0, 0.0]), size=n, p=[discordance * 0.6, discordance * 0.4, 1 - discordance])


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 900), max_size=6))
def test_pieces_decide_as_the_whole(seed: int, pieces: list[int]) -> None:
    values = _sample(seed, sum(pieces))
    outcomes = Outcomes.of_drop(6000)
    test = SequentialTest(outcomes, limit=0.02, confidence=0.9)
    for start, stop in itertools.pairwise(np.cumsum([0, *pieces]).tolist()):
        test.update(values[start:stop])
    assert (test.decision, test.decided_at) == sequential_decision(values, outcomes, limit=0.02, confidence=0.9)
    assert test.drawn == sum(pieces)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 1200), st.sampled_from([-0.05, 0.0, 0.02, 0.05]))
def test_swapping_the_models_mirrors_the_test(seed: int, n: int, limit: float) -> None:
    values = _sample(seed, n)
    outcomes = Outcomes.of_drop(4000)
    forward = confidence_sequence(values, outcomes, confidence=0.9)
    backward = confidence_sequence(-values, outcomes, confidence=0.9)
    assert (forward.low, forward.high) == pytest.approx((-backward.high, -backward.low))
    decision, at = sequential_decision(values, outcomes, limit=limit, confidence=0.9)
    # "drop <= limit" mirrored is "drop >= -limit", whose opposite is one sample away.
    mirrored, mirrored_at = sequential_decision(-values, outcomes, limit=-limit - 1 / 4000, confidence=0.9)
    assert (mirrored, mirrored_at) == ({"within": "beyond", "beyond": "within"}.get(decision, decision), at)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 2000), st.sampled_from([1.0, 0.99, 0.8]))
def test_the_confidence_sequence_agrees_with_the_decision(seed: int, n: int, retain: float) -> None:
    rng = np.random.default_rng(seed)
    fp32 = rng.random(n) < 0.7
    values = drop_outcomes(fp32, fp32 ^ (rng.random(n) < 0.1), retain)
    outcomes = Outcomes.of_drop(3000, retain)
    sequence = confidence_sequence(values, outcomes, confidence=0.95)
    assert sequence.level == 0.90
    for limit in (-0.03, 0.0, 0.03, 0.1):
        decision, _ = sequential_decision(values, outcomes, limit=limit, confidence=0.95)
        if decision == "within":
            assert sequence.high <= limit + 1e-6
        elif decision == "beyond":
            assert sequence.low >= limit - 1e-6
        else:
            assert sequence.low <= limit + 1e-6
            assert sequence.high >= limit - 1e-6


def test_the_confidence_sequence_only_narrows() -> None:
    values = _sample(3, 1500)
    sequences = [
        confidence_sequence(values[:n], Outcomes.of_drop(2000), confidence=0.9) for n in (1, 50, 400, 1000, 1500)
    ]
    for wide, narrow in itertools.pairwise(sequences):
        assert wide.low <= narrow.low <= narrow.high <= wide.high
    strict = confidence_sequence(values, Outcomes.of_drop(2000), confidence=0.99)
    assert strict.low < sequences[-1].low < sequences[-1].high < strict.high


def test_confidence_sequences_cover_at_all_times() -> None:
    values = np.repeat([1.0, -1.0, 0.0], [12, 4, 184])
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(200):
        order = rng.permutation(values)
        # An intersection over time misses at the end if it ever missed.
        sequence = confidence_sequence(order[:199], Outcomes.of_drop(200), confidence=0.9)
        missed += not sequence.low - 1e-9 <= 0.04 <= sequence.high + 1e-9
    assert missed / 200 <= 0.2 + 2 * math.sqrt(0.16 / 200)


@pytest.mark.parametrize(("total", "decision"), [(4, "within"), (5, "beyond")])
def test_the_exhausted_dataset_is_decided_exactly(total: int, decision: str) -> None:
    values = np.repeat([1.0, 0.0], [total, 400 - total])
    found, at = sequential_decision(
        np.random.default_rng(0).permutation(values), Outcomes.of_drop(400), limit=0.01, confidence=0.999999
    )
    assert found == decision
    assert at is not None
    sequence = confidence_sequence(values, Outcomes.of_drop(400), confidence=0.95)
    assert sequence.low == sequence.high == total / 400


def test_an_early_decision_gives_way_to_the_exhausted_dataset() -> None:
    values = np.concatenate([np.ones(20), -np.ones(20), np.zeros(60)])  # not a random order
    test = SequentialTest(Outcomes.of_drop(100), limit=0.0, confidence=0.95)
    assert test.update(values[:20]) == "beyond"
    assert test.update(values[20:]) == "within"


def test_what_the_rest_cannot_change_is_certain() -> None:
    outcomes = Outcomes.of_drop(10)
    assert sequential_decision(np.ones(7), outcomes, limit=0.3, confidence=0.9999999) == ("beyond", 7)
    assert sequential_decision(-np.ones(4), outcomes, limit=0.2, confidence=0.9999999) == ("within", 4)


def test_a_floor_is_a_limit_on_the_negative_score() -> None:
    right = np.random.default_rng(0).random(3000) < 0.8
    outcomes = Outcomes(20000, -1.0, 0.0, 1.0)
    assert sequential_decision(-right.astype(float), outcomes, limit=-0.7, confidence=0.95)[0] == "within"
    assert sequential_decision(-right.astype(float), outcomes, limit=-0.9, confidence=0.95)[0] == "beyond"
    sequence = confidence_sequence(right, Outcomes.of_score(20000), confidence=0.95)
    assert 0.7 < sequence.low < right.mean() < sequence.high < 0.9


def test_unusable_arguments_are_refused() -> None:
    test = SequentialTest(Outcomes.of_drop(3), limit=0.0, confidence=0.95)
    with pytest.raises(ValueError, match=r"range -1\.0 to 1\.0"):
        test.update([2.0])
    with pytest.raises(ValueError, match="4 outcomes of a dataset of 3"):
        test.update(np.zeros(4))
    with pytest.raises(ValueError, match="shape"):
        test.update(np.zeros((2, 1)))
    with pytest.raises(ValueError, match="confidence"):
        SequentialTest(Outcomes.of_drop(3), limit=0.0, confidence=1.0)
    with pytest.raises(ValueError, match="a dataset of 0"):
        Outcomes.of_drop(0)
    with pytest.raises(ValueError, match="retain"):
        Outcomes.of_drop(3, retain=2.5)
    with pytest.raises(ValueError, match="not the same samples"):
        drop_outcomes(np.ones(3, bool), np.ones(2, bool))
