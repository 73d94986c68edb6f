"""What makes a measurement meaningless fails the case; each was once a PASS with equal columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import tiny
from tests.unit.judging.sanity.looking import COLOURS, OFFSETS, classifier, labels, look, names, pair, relabel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny.write_images(tmp_path)
    return tmp_path


def test_a_sound_model_has_nothing_found(folder: Path) -> None:
    verdict, found = look(pair(folder), strict=True)
    assert (verdict.decision, verdict.reason, found) == ("pass", "nothing found", ())


def test_labels_off_by_one(folder: Path) -> None:
    relabel(folder, [(label + 1) % tiny.CLASSES for label in labels(folder)])
    verdict, (found, *_) = look(pair(folder))
    assert (verdict.decision, found.check, found.severity) == ("fail", "guessing", "error")
    assert "of 60 samples" in found.found
    assert "cannot be told from guessing among 4 classes (25.00 %) at 95 % confidence" in found.found
    assert "with `labels -1` fp32 scores " in found.advice


def test_labels_shuffled(folder: Path) -> None:
    relabel(folder, np.random.default_rng(0).permutation(labels(folder)).tolist())
    assert "guessing" in names(pair(folder))


def test_classes_in_another_order(folder: Path) -> None:
    order = [1, 2, 0, 3]
    assert "guessing" in names(pair(folder, COLOURS[order], OFFSETS[order]))


def test_labels_by_rank_of_some_class_folders_of_a_large_net(folder: Path) -> None:
    """With so few samples it is doubtful: a sound model of 1000 classes may be right on none of 60, too."""
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(1000, 3)), np.zeros(1000)
    zoo = pair(folder, weights, bias)
    verdict, found = look(zoo)
    assert (verdict.decision, found[0].check, found[0].severity) == ("pass", "guessing", "warning")
    assert "of 60 samples" in found[0].found
    assert "evaluate more of them (about 101 tell one that guesses)" in found[0].advice
    assert "among 1000 classes (0.10 %)" in found[0].found


def test_both_nets_constant(folder: Path) -> None:
    verdict, found = look(pair(folder, np.zeros((4, 3)), OFFSETS))
    assert verdict.decision == "fail"
    constant = [one.found for one in found if one.check == "constant"]
    assert constant == [f"{net} gives the same output for each of 60 samples" for net in ("fp32", "int8")]


def test_only_int8_constant(folder: Path) -> None:
    int8 = classifier(folder, "dead", np.zeros((4, 3)), OFFSETS, int8=True)
    verdict, found = look(pair(folder, int8=int8))
    assert verdict.decision == "fail"
    assert [one.found for one in found if one.check == "constant"] == [
        "int8 gives the same output for each of 60 samples"
    ]


def test_nan_in_the_float_net_hidden_by_a_relu(folder: Path) -> None:
    weights = np.array([[3e38, -3e38, 3e38]] * 4)
    verdict, found = look(pair(folder, fp32=classifier(folder, "broken", weights, OFFSETS, relu=True)))
    assert verdict.decision == "fail"
    assert [one.check for one in found] == ["guessing", "not-finite", "better-than-fp32"]


def test_the_same_float_net_twice(folder: Path) -> None:
    verdict, found = look(pair(folder, int8=classifier(folder, "again", COLOURS, OFFSETS)))
    assert verdict.decision == "fail"
    assert [one.check for one in found] == ["identical"]
    assert "the same outputs for all 60 samples, to the last bit" in found[0].found


def test_images_that_are_all_the_same_are_no_constant_net(folder: Path) -> None:
    for path in (folder / "images").glob("*.png"):
        tiny.write_flat_image(path, (200, 30, 30))
    assert "constant" not in names(pair(folder))
