from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.spec.errors import DatasetError, RunnerError
from pytest_quant.tasks.base import Comparison, MetricPair, RightWrong
from pytest_quant.tasks.classification.metric import compare_sides, top_k_hits
from pytest_quant.tasks.classification.options import AccuracyOptions
from pytest_quant.tasks.classification.prediction import ClassPrediction, decode_scores

CASES = json.loads((Path(__file__).parent / "golden" / "accuracy_cases_mmpretrain.json").read_text())["cases"]
SCORES = [[0.7, 0.0, 0.3], [0.5, 0.2, 0.3], [0.4, 0.5, 0.1], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
RANK = {"top1": AccuracyOptions(), "top5": AccuracyOptions()}
MMPRETRAIN = {name: AccuracyOptions(profile="mmpretrain") for name in RANK}


def percent(hits: NDArray[np.bool_]) -> float:
    return float(100 * hits.mean())


@pytest.mark.parametrize(("threshold", "expected"), [(0.6, 100 / 3), (0.0, 200 / 3), (None, 200 / 3)])
def test_mmpretrains_own_example(threshold: float | None, expected: float) -> None:
    assert percent(top_k_hits(SCORES, [0, 0, 1, 2, 1, 0], 1, threshold)) == pytest.approx(expected)


def golden_scores(case: dict[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    return np.array(case["scores"], np.float32), np.array(case["labels"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["kind"])
def test_golden_accuracy_of_mmpretrain(case: dict[str, Any]) -> None:
    scores, labels = golden_scores(case)
    expected = case["expected"]
    for k, values in zip((1, 5), expected["topk1_5"], strict=True):
        assert percent(top_k_hits(scores, labels, k, 0.0)) == pytest.approx(values[0], abs=1e-5)
    for threshold, value in zip((0.0, 0.3, 0.6), expected["topk1_thr0.0_0.3_0.6"][0], strict=True):
        assert percent(top_k_hits(scores, labels, 1, threshold)) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["kind"])
def test_golden_accuracy_without_threshold(case: dict[str, Any]) -> None:
    scores, labels = golden_scores(case)
    for k, values in zip((1, 5), case["expected"]["topk1_5_thrNone"], strict=True):
        measured = percent(top_k_hits(scores, labels, k))
        if case["ties_in_top6"] and k == 5:
            # The reference leaves the order of ties open: what it gave lies between all ties lost and all ties won.
            own = scores[np.arange(len(labels)), labels][:, np.newaxis]
            lost = percent((scores >= own).sum(axis=1) <= k)
            won = percent((scores > own).sum(axis=1) < k)
            assert lost <= min(measured, values[0])
            assert max(measured, values[0]) <= won
        else:
            assert measured == pytest.approx(values[0], abs=1e-5)


@given(st.data(), st.integers(1, 8), st.integers(0, 6))
def test_a_hit_is_a_rank_below_k(data: st.DataObject, classes: int, count: int) -> None:
    few = st.sampled_from([-1.5, 0.0, 0.25, 1.0])  # so that ties are common
    row = st.lists(few, min_size=classes, max_size=classes)
    scores = data.draw(st.lists(row, min_size=count, max_size=count))
    labels = data.draw(st.lists(st.integers(0, classes - 1), min_size=count, max_size=count))
    k = data.draw(st.integers(1, classes))
    array = np.array(scores, np.float32).reshape(count, classes)
    hits = top_k_hits(array, np.array(labels, int), k)
    for scores_i, label, hit in zip(scores, labels, hits, strict=True):
        before = sum(s > scores_i[label] or (s == scores_i[label] and c < label) for c, s in enumerate(scores_i))
        assert hit == (before < k)
    assert (hits <= top_k_hits(array, np.array(labels, int), classes)).all()


@pytest.mark.parametrize(
    ("scores", "labels", "k", "message"),
    [
        (SCORES, [0] * 5, 1, "must be"),
        (SCORES[0], [0], 1, "must be"),
        (SCORES, [0] * 6, 5, "expected 1 to 3"),
        (SCORES, [0] * 6, 0, "expected 1 to 3"),
        (SCORES, [0, 0, 0, 0, 0, 3], 1, "0 to 2"),
        (SCORES, [0, 0, 0, 0, 0, -1], 1, "0 to 2"),
        (SCORES, [0.0] * 6, 1, "must be integers"),
    ],
)
def test_arguments_that_do_not_fit(scores: Any, labels: Any, k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        top_k_hits(scores, labels, k)


def test_integer_scores_are_ranked_too() -> None:
    assert top_k_hits(np.array([[1, 200]], np.uint8), [1], 1).all()


def samples_of(labels: list[int]) -> list[Sample]:
    return [Sample(f"test/{index:05d}", label, index) for index, label in enumerate(labels)]


def predicted(*rows: list[float]) -> list[ClassPrediction]:
    return [decode_scores(np.array(row, np.float32), "prob") for row in rows]


def compared(
    labels: list[int],
    fp32: list[ClassPrediction],
    int8: list[ClassPrediction],
    options: dict[str, AccuracyOptions] | None = None,
) -> Comparison:
    return compare_sides(samples_of(labels), fp32, int8, options or RANK)


def hits(pair: MetricPair) -> tuple[list[bool], list[bool]]:
    assert isinstance(pair.evidence, RightWrong)
    return pair.evidence.fp32.tolist(), pair.evidence.int8.tolist()


SIX = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
"""Class 5 first, class 0 sixth."""


def test_both_sides_are_scored_sample_by_sample() -> None:
    falling = SIX[::-1]
    fp32 = predicted(SIX, SIX, SIX, falling)
    int8 = predicted(SIX, falling, SIX, SIX)
    result = compared([5, 5, 0, 1], fp32, int8)
    top1, top5 = result.metrics["top1"], result.metrics["top5"]
    assert (top1.fp32, top1.int8, top1.drop) == (50.0, 25.0, 25.0)
    assert hits(top1) == ([True, True, False, False], [True, False, False, False])
    assert (top5.fp32, top5.int8) == (75.0, 50.0)
    assert hits(top5) == ([True, True, False, True], [True, False, False, True])
    assert (result.flips.only_fp32_right, result.flips.only_int8_right, result.flips.agreement_pct) == (1, 0, 50.0)
    assert top1.metric.unit == "%"


def test_mmpretrain_wants_a_score_above_zero() -> None:
    rows = predicted([-1.0, -2.0, -3.0, -4.0, -5.0], [0.0, -2.0, -3.0, -4.0, -5.0], [0.5, 0.0, 0.1, 0.0, 0.0])
    labels = [0, 0, 1]
    assert [pair.fp32 for pair in compared(labels, rows, rows).metrics.values()] == [200 / 3, 100.0]
    assert [pair.fp32 for pair in compared(labels, rows, rows, MMPRETRAIN).metrics.values()] == [0.0, 0.0]
    mixed = {"top1": MMPRETRAIN["top1"], "top5": RANK["top5"]}
    assert [pair.fp32 for pair in compared(labels, rows, rows, mixed).metrics.values()] == [0.0, 100.0]


def test_a_net_with_three_classes_has_no_top5() -> None:
    rows = predicted([0.1, 0.2, 0.7], [0.5, 0.4, 0.1])
    result = compared([2, 1], rows, rows)
    assert list(result.metrics) == ["top1"]
    assert result.metrics["top1"].fp32 == 50.0
    assert "top5 takes a net with at least 5 classes, this one has 3" in result.absent["top5"]


@pytest.mark.parametrize("label", [6, 1000, -1, None, 1.0])
def test_a_label_that_is_no_class_names_the_sample(label: Any) -> None:
    rows = predicted(SIX, SIX)
    with pytest.raises(DatasetError, match=rf"'test/00001' has label {label}, but the net has 6 classes, 0 to 5"):
        compared([0, label], rows, rows)


def test_nets_of_different_models() -> None:
    with pytest.raises(RunnerError, match="over 3 and 6 classes"):
        compared([0], predicted(SIX), predicted([0.1, 0.2, 0.3]))


@pytest.mark.parametrize("labels", [[], [0, 0]])
def test_sequences_of_different_lengths(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="expected as many"):
        compared(labels, predicted(SIX), predicted(SIX))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 99)), min_size=1, max_size=30))
def test_equal_sides_have_no_drop_and_swapped_sides_the_opposite(rows: list[tuple[int, int]]) -> None:
    labels = [label for label, _ in rows]
    fp32 = predicted(*(np.random.default_rng(seed).random(7).tolist() for _, seed in rows))
    int8 = predicted(*(np.random.default_rng(seed + 1).random(7).tolist() for _, seed in rows))
    same, there, back = (compared(labels, fp32, fp32), compared(labels, fp32, int8), compared(labels, int8, fp32))
    assert same.flips.agreement_pct == 100.0
    for name in ("top1", "top5"):
        assert same.metrics[name].drop == 0.0
        assert there.metrics[name].drop == -back.metrics[name].drop
        assert 0.0 <= there.metrics[name].int8 <= 100.0
    top1 = there.metrics["top1"]
    net = there.flips.only_fp32_right - there.flips.only_int8_right
    assert top1.drop == pytest.approx(100 * net / len(rows))
