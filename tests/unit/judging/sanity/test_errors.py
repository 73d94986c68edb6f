"""What makes a measurement meaningless fails the case; each was once a PASS with equal columns."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import CocoObject, DetectionTruth
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.datasets.coco_persons import Person
from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.judging.sanity import Check
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.ground_truth import find_contradictions
from pytest_quant.judging.sanity.look import Look
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
    assert "are mean, std, colour order" in found.advice


def test_labels_shuffled(folder: Path) -> None:
    relabel(folder, np.random.default_rng(0).permutation(labels(folder)).tolist())
    assert "guessing" in names(pair(folder))


def test_classes_in_another_order(folder: Path) -> None:
    order = [1, 2, 0, 3]
    assert "guessing" in names(pair(folder, COLOURS[order], OFFSETS[order]))


def test_labels_by_rank_of_some_class_folders_of_a_large_net(folder: Path) -> None:
    """A single lucky hit does not make a model of it."""
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(1000, 3)), np.zeros(1000)
    zoo = pair(folder, weights, bias)
    verdict, found = look(zoo)
    assert (verdict.decision, found[0].check) == ("fail", "guessing")
    assert "of 60 samples" in found[0].found
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
    assert [one.check for one in found] == ["guessing", "better-than-fp32"]


def test_the_same_float_net_twice(folder: Path) -> None:
    verdict, found = look(pair(folder, int8=classifier(folder, "again", COLOURS, OFFSETS)))
    assert verdict.decision == "fail"
    assert [one.check for one in found] == ["identical"]
    assert "the same outputs for all 60 samples, to the last bit" in found[0].found


def test_images_that_are_all_the_same_are_no_constant_net(folder: Path) -> None:
    for path in (folder / "images").glob("*.png"):
        tiny.write_flat_image(path, (200, 30, 30))
    assert "constant" not in names(pair(folder))


def findings_of(truth: PoseTruth | DetectionTruth | tuple[TextRegion, ...], check: Check) -> list[Finding]:
    """What a check that reads the ground truth alone says of one image."""
    return list(check(cast(Look, SimpleNamespace(samples=[Sample("1", truth, Path("1.png"))]))))


IMAGE = CocoImage(1, "1.png", 100, 80)


def person(id_: int, *, visible: int = 17, labelled: int = 17, area: float = 900.0) -> Person:
    points = tuple(value for n in range(17) for value in (10.0, 10.0, 2.0 if n < visible else 0.0))
    return Person(id_, (5.0, 5.0, 30.0, 30.0), area, points, labelled, crowd=False)


def test_num_keypoints_against_visibility() -> None:
    truth = PoseTruth(IMAGE, (person(1), person(2, visible=0), person(3, visible=0, labelled=0)), ())
    (found,) = findings_of(truth, find_contradictions)
    assert (found.check, found.severity) == ("ground-truth", "error")
    assert "`num_keypoints` of 1 of 3 persons" in found.found
    assert "(annotations 2)" in found.found
    assert findings_of(PoseTruth(IMAGE, (person(1),), ()), find_contradictions) == []


def test_area_0_with_a_box() -> None:
    (found,) = findings_of(PoseTruth(IMAGE, (person(1, area=0.0),), ()), find_contradictions)
    assert "1 of 1 annotations have `area: 0`" in found.found
    objects = tuple(CocoObject(n, 0, (0.0, 0.0, 9.0, 9.0), area, crowd=False) for n, area in enumerate((0.0, 81.0)))
    (found,) = findings_of(DetectionTruth(IMAGE, objects, ("a",)), find_contradictions)
    assert "1 of 2 annotations have `area: 0`" in found.found
