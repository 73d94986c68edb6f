"""Word accuracies and edit distances against mmocr's own, and the decoder against its CTC."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.datasets.base import Sample
from pytest_quant.spec.errors import DatasetError
from pytest_quant.tasks.base import Comparison, Resampled, RightWrong, SampleScores
from pytest_quant.tasks.text_recognition.comparison import compare_sides
from pytest_quant.tasks.text_recognition.ctc import best_path
from pytest_quant.tasks.text_recognition.distances import edit_distance, normalized_edit_distance, without_symbols
from pytest_quant.tasks.text_recognition.keys import Alphabet

GOLDEN = Path(__file__).parents[1] / "golden"
PAIRS: list[dict[str, Any]] = json.loads((GOLDEN / "recognition_metrics_mmocr.json").read_text())["pairs"]
CTC: list[dict[str, Any]] = json.loads((GOLDEN / "recognition_ctc_mmocr.json").read_text())["cases"]
ALPHABET = Alphabet(tuple("abcdefghijklmnopqrstuvwxyz"), "first", "keys.txt")


def compared(truths: Sequence[str], fp32: Sequence[str], int8: Sequence[str] | None = None) -> Comparison:
    samples = [Sample(f"{index}.png", truth, index) for index, truth in enumerate(truths)]
    return compare_sides(samples, fp32, fp32 if int8 is None else int8, ALPHABET)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: ascii(f"{pair['pred']}-{pair['gt']}")[:30])
def test_each_pair_as_mmocr(pair: dict[str, Any]) -> None:
    pred, truth = pair["pred"], pair["gt"]
    assert (pred == truth, pred.lower() == truth.lower()) == (bool(pair["exact"]), bool(pair["ignore_case"]))
    assert (without_symbols(pred) == without_symbols(truth)) == bool(pair["ignore_case_symbol"])
    distance = normalized_edit_distance(without_symbols(pred), without_symbols(truth))
    assert distance == pytest.approx(pair["norm_ed"], abs=1e-12)


def test_the_metrics_are_means_of_the_pairs() -> None:
    found = compared([pair["gt"] for pair in PAIRS], [pair["pred"] for pair in PAIRS]).metrics
    for name, key in (
        ("word_acc", "exact"),
        ("word_acc_ignore_case", "ignore_case"),
        ("word_acc_ignore_case_symbol", "ignore_case_symbol"),
    ):
        assert found[name].fp32 == sum(pair[key] for pair in PAIRS) / len(PAIRS)
    assert found["one_minus_ned"].fp32 == pytest.approx(1 - sum(pair["norm_ed"] for pair in PAIRS) / len(PAIRS))


@pytest.mark.parametrize("case", CTC, ids=range(len(CTC)))
def test_the_best_path_as_mmocr(case: dict[str, Any]) -> None:
    scores = np.array(case["probs"], np.float32)
    assert scores.argmax(axis=1).tolist() == case["argmax"]
    assert best_path(scores, case["blank"], case["valid_ratio"]) == case["index"]


def test_a_repeat_behind_a_blank_is_a_letter() -> None:
    alphabet = Alphabet(("a", " ", "b"), "first", "keys.txt")
    path = np.eye(4, dtype=np.float32)[[1, 1, 0, 1, 2, 3, 3]]
    assert alphabet.text(best_path(path, alphabet.blank_index)) == "aa b"
    last = Alphabet(("a", " ", "b"), "last", "keys.txt")
    assert last.text(best_path(np.eye(4, dtype=np.float32)[[0, 0, 3, 0, 1, 2, 2]], last.blank_index)) == "aa b"


def test_both_sides_are_scored() -> None:
    found = compared(["Joint", "door", "no"], ["Joint", "door", "n"], ["joint", "dour", "no"])
    exact = found.metrics["word_acc"]
    assert isinstance(exact.evidence, RightWrong)
    assert (exact.fp32, exact.int8, exact.drop) == (2 / 3, 1 / 3, 1 / 3)
    assert found.metrics["word_acc_ignore_case"].int8 == 2 / 3
    likeness = found.metrics["one_minus_ned"]
    assert isinstance(likeness.evidence, SampleScores)
    assert likeness.evidence.int8.tolist() == [1, 0.75, 1]
    rate = found.metrics["cer"]
    assert isinstance(rate.evidence, Resampled)
    assert (rate.fp32, rate.int8) == (1 / 11, 2 / 11)
    assert rate.drop == pytest.approx(1 / 11), "lower is better"
    assert rate.evidence.int8(np.array([[0, 0, 3]])).tolist() == [0]
    assert (found.flips.only_fp32_right, found.flips.only_int8_right) == (2, 1)
    assert found.flips.agreement_pct == 0
    assert [(one.sample, one.texts) for one in found.moved] == [
        ("0.png", ("Joint", "Joint", "joint")),
        ("1.png", ("door", "door", "dour")),
        ("2.png", ("no", "n", "no")),
    ]


def test_an_error_rate_above_one() -> None:
    assert compared(["a"], ["bcd"]).metrics["cer"].fp32 == 3


def test_texts_that_the_net_cannot_write_are_told_and_counted() -> None:
    found = compared(["caf\u00e9", "ok", "\u00e9\u00c9"], ["cafe", "ok", ""])
    assert found.metrics["word_acc"].fp32 == 1 / 3
    assert found.details["unwritable"] == {"samples": 2, "characters": "\u00e9\u00c9", "first": ["0.png", "2.png"]}


def test_samples_without_any_text() -> None:
    with pytest.raises(DatasetError, match="the texts of all 2 samples are empty"):
        compared(["", ""], ["a", "b"])


@given(st.text("abc", max_size=8), st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_the_edit_distance_is_a_metric(one: str, other: str, third: str) -> None:
    assert edit_distance(one, other) == edit_distance(other, one)
    assert (edit_distance(one, other) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= edit_distance(one, other) <= max(len(one), len(other))
    assert edit_distance(one, third) <= edit_distance(one, other) + edit_distance(other, third)
