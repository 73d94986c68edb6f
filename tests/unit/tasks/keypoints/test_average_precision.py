"""Matching and accumulation against pycocotools, and resamples against datasets that really hold an image twice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.datasets.coco_persons import Person
from pytest_quant.tasks.coco.average_precision import AveragePrecision, AverageRecall
from pytest_quant.tasks.coco.matches import Matches
from pytest_quant.tasks.keypoints.matching import Poses, flat_persons, match
from pytest_quant.tasks.keypoints.metric import DEFINITIONS

from .scenes import (
    NAMES,
    flat_poses,
    ground_truth_json,
    predictions,
    pycocotools_values,
    result_row,
    scene,
)

Rows = list[dict[str, Any]]


def by_id(truths: Sequence[PoseTruth]) -> list[PoseTruth]:
    return sorted(truths, key=lambda truth: truth.image.id)


def matches_of(truths: Sequence[PoseTruth], poses: Poses) -> dict[str, Matches]:
    return match(poses, flat_persons([truth.persons for truth in truths]))


def values_of(truths: Sequence[PoseTruth], rows: Rows) -> dict[str, float]:
    """Our ten numbers, -1 for one that is not defined."""
    ordered = by_id(truths)
    found = matches_of(ordered, flat_poses([truth.image.id for truth in ordered], rows))
    return values_at(found, np.ones((1, len(ordered)), np.int64))[0]


def values_at(matches: Mapping[str, Matches], counts: NDArray[np.int64]) -> list[dict[str, float]]:
    sides = {area: [found] for area, found in matches.items()}
    columns = {name: DEFINITIONS[name].of(sides, counts.shape[1])(counts).tolist() for name in NAMES}
    return [
        {name: -1.0 if math.isnan(column[row]) else column[row] for name, column in columns.items()}
        for row in range(len(counts))
    ]


def random_rows(rng: np.random.Generator, truths: Sequence[PoseTruth], *, with_box: bool) -> Rows:
    """One or two results for each box, with scores that occur in other images, too, and within one."""
    rows = []
    for truth, prediction in zip(truths, predictions(rng, truths), strict=True):
        for box, pose in zip(truth.boxes, prediction.keypoints, strict=True):
            corners = box.corners
            extent = [*corners[:2], corners[2] - corners[0], corners[3] - corners[1]]
            for score in rng.choice([0.1, 0.5, 0.9], int(rng.integers(1, 3))):
                moved = pose + rng.normal(0, 3, (17, 2)) * rng.integers(0, 2)
                rows.append(result_row(truth.image.id, moved, score, extent if with_box else None))
    return rows


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 12), st.booleans())
def test_all_ten_numbers_are_those_of_pycocotools(seed: int, images: int, with_box: bool) -> None:
    rng = np.random.default_rng(seed)
    truths = scene(rng, images)
    rows = random_rows(rng, truths, with_box=with_box)
    if rows:
        assert values_of(truths, rows) == pycocotools_values(ground_truth_json(truths), rows)


def test_more_than_20_poses_of_an_image() -> None:
    rng = np.random.default_rng(3)
    truths = scene(rng, 3, spare_boxes=4)
    rows = [row for _ in range(12) for row in random_rows(rng, truths, with_box=True)]
    assert max(sum(row["image_id"] == truth.image.id for row in rows) for truth in truths) > 40
    assert values_of(truths, rows) == pycocotools_values(ground_truth_json(truths), rows)


def test_an_annotation_with_id_0_can_be_found() -> None:
    person = Person(0, (0, 0, 50, 100), 3000, (10.0, 20.0, 2.0) * 17, 17, False)
    truth = PoseTruth(CocoImage(1, "1.jpg", 640, 480), (person,), ())
    rows = [result_row(1, np.tile([10.0, 20.0], (17, 1)), 0.9)]
    assert values_of([truth], rows)["AP"] == pytest.approx(1)
    assert pycocotools_values(ground_truth_json([truth]), rows)["AP"] == 0  # its id for "unmatched"


def distinct_within_images(rows: Rows) -> Rows:
    """The order of equal scores of one image is arbitrary, and another for its copies; other images' scores may tie."""
    seen: dict[int, int] = {}
    for row in rows:
        place = seen[row["image_id"]] = seen.get(row["image_id"], -1) + 1
        row["score"] += place / 100
    return rows


def repeated(truths: Sequence[PoseTruth], rows: Rows, counts: Sequence[int]) -> tuple[list[PoseTruth], Rows]:
    """The dataset with each image as often as drawn, copies side by side, and the rows that belong to it."""
    copies: list[PoseTruth] = []
    copied_rows: Rows = []
    for truth, count in zip(truths, counts, strict=True):
        for copy in range(count):
            image = replace(truth.image, id=100 * truth.image.id + copy)
            persons = tuple(replace(p, id=100 * p.id + copy) for p in truth.persons)
            copies.append(PoseTruth(image, persons, truth.boxes))
            copied_rows += [{**row, "image_id": image.id} for row in rows if row["image_id"] == truth.image.id]
    return copies, copied_rows


@settings(max_examples=25)
@given(st.integers(0, 100_000), st.integers(1, 8))
def test_a_resample_has_the_value_of_a_dataset_that_holds_its_images(seed: int, images: int) -> None:
    rng = np.random.default_rng(seed)
    truths = by_id(scene(rng, images))
    rows = distinct_within_images(random_rows(rng, truths, with_box=False))
    matches = matches_of(truths, flat_poses([truth.image.id for truth in truths], rows))
    counts = rng.multinomial(images, np.full(images, 1 / images), size=3)
    for drawn, values in zip(counts.tolist(), values_at(matches, counts), strict=True):
        copies, copied_rows = repeated(truths, rows, drawn)
        if copied_rows:
            assert values == pycocotools_values(ground_truth_json(copies), copied_rows)


def test_many_resamples_at_once_are_the_same_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    truths = by_id(scene(rng, 20))
    rows = random_rows(rng, truths, with_box=True)
    matches = matches_of(truths, flat_poses([truth.image.id for truth in truths], rows))
    counts = rng.multinomial(20, np.full(20, 1 / 20), size=50)
    together = AveragePrecision(20, [matches["all"]])(counts)
    monkeypatch.setattr("pytest_quant.tasks.coco.precision_curve._VALUES_AT_ONCE", 1)
    np.testing.assert_array_equal(AveragePrecision(20, [matches["all"]])(counts), together)
    one_by_one = [AverageRecall(20, [matches["all"]])(row[np.newaxis])[0] for row in counts]
    np.testing.assert_array_equal(AverageRecall(20, [matches["all"]])(counts), one_by_one)


def test_nobody_to_be_found_is_not_a_number() -> None:
    truth = PoseTruth(CocoImage(1, "1.jpg", 640, 480), (), ())
    matches = matches_of([truth], flat_poses([1], [result_row(1, np.zeros((17, 2)), 0.5)]))
    ones = np.ones((2, 1), np.int64)
    assert np.isnan(AveragePrecision(1, [matches["all"]])(ones)).all()
    assert np.isnan(AverageRecall(1, [matches["all"]])(ones)).all()


def test_persons_without_poses_are_0() -> None:
    person = Person(1, (0, 0, 50, 100), 3000, (10.0, 20.0, 2.0) * 17, 17, False)
    truth = PoseTruth(CocoImage(1, "1.jpg", 640, 480), (person,), ())
    values = values_of([truth], [])
    assert [values[name] for name in ("AP", "AR", "APM", "APL")] == [0, 0, 0, -1]


@pytest.mark.parametrize("counts", [np.ones(3, np.int64), np.ones((1, 2), np.int64), -np.ones((1, 3), np.int64)])
def test_counts_of_other_images_are_refused(counts: NDArray[np.int64]) -> None:
    none = np.zeros(0, np.int64)
    empty = Matches(none, np.zeros(0), np.zeros((10, 0), bool), np.zeros((10, 0), bool), none, np.zeros((10, 0), bool))
    for metric in (AveragePrecision(3, [empty]), AverageRecall(3, [empty])):
        with pytest.raises(ValueError, match=r"expected integers from 0 of shape \(resamples, 3\)"):
            metric(counts)
