"""COCO's twelve numbers against pycocotools, and resamples against datasets that really hold an image twice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import CocoObject, DetectionTruth
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.spec.errors import DatasetError
from pytest_quant.tasks.base import Comparison, Resampled
from pytest_quant.tasks.coco.matches import Matches
from pytest_quant.tasks.object_detection.matching import Found, flat_found, flat_objects, match
from pytest_quant.tasks.object_detection.metric import DEFINITIONS, METRICS, compare_sides
from pytest_quant.tasks.object_detection.prediction import Detections

from .scenes import (
    CLASSES,
    detections,
    ground_truth_json,
    made,
    pycocotools_values,
    result_rows,
    sample_of,
    scene,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "detection_cocoeval_pycocotools.json").read_text())


def matches_of(truths: Sequence[DetectionTruth], side: Sequence[Detections]) -> dict[str, list[Matches]]:
    """Of images that stand by rising id."""
    objects = flat_objects([truth.objects for truth in truths])
    return match(flat_found(side), objects, images=len(truths), categories=len(truths[0].classes))


def values_at(matches: Mapping[str, list[Matches]], images: int, counts: Any) -> list[dict[str, float]]:
    columns = {name: np.nan_to_num(made.of(matches, images)(counts), nan=-1) for name, made in DEFINITIONS.items()}
    return [{name: float(column[row]) for name, column in columns.items()} for row in range(len(counts))]


def once(images: int) -> Any:
    return np.ones((1, images), np.int64)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_the_golden_cases_to_the_last_digit(case: Mapping[str, Any]) -> None:
    truth, ids = case["gt"], sorted(category["id"] for category in case["gt"]["categories"])
    images = sorted(truth["images"], key=lambda image: image["id"])
    truths = [
        DetectionTruth(
            CocoImage(image["id"], "", 1, 1),
            tuple(
                CocoObject(row["id"], ids.index(row["category_id"]), tuple(row["bbox"]), row["area"], row["iscrowd"])
                for row in truth["annotations"]
                if row["image_id"] == image["id"]
            ),
            tuple(map(str, ids)),
        )
        for image in images
    ]
    found = _found64(case["dt"], images, ids)
    objects = flat_objects([one.objects for one in truths])
    matches = match(found, objects, images=len(truths), categories=len(ids))
    assert list(values_at(matches, len(truths), once(len(truths)))[0].values()) == case["stats"]
    by_category = DEFINITIONS["mAP"].of(matches, len(truths)).by_category()  # type: ignore[union-attr]
    expected = [case["per_class_ap"][str(id_)] for id_ in ids]
    assert [None if np.isnan(value) else value for value in by_category.tolist()] == expected


def _found64(rows: Sequence[Mapping[str, Any]], images: Sequence[Mapping[str, Any]], ids: Sequence[int]) -> Found:
    """Detections in double precision, as a results file has them."""
    places = {image["id"]: place for place, image in enumerate(images)}
    group = [ids.index(row["category_id"]) * len(images) + places[row["image_id"]] for row in rows]
    score = np.array([row["score"] for row in rows])
    order = np.lexsort((-score, np.array(group)))
    box = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
    return Found(np.array(group, np.int64)[order], box[order], score[order])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 12))
def test_all_twelve_numbers_are_those_of_pycocotools(seed: int, images: int) -> None:
    rng = np.random.default_rng(seed)
    truths = sorted(scene(rng, images), key=lambda truth: truth.image.id)
    side = detections(rng, truths)
    rows = result_rows(truths, side)
    if rows:
        ours = values_at(matches_of(truths, side), images, once(images))[0]
        assert ours == pycocotools_values(ground_truth_json(truths), rows)


def test_more_than_100_detections_of_an_image_and_class() -> None:
    rng = np.random.default_rng(3)
    truths = scene(rng, 2, objects=12)
    truths.sort(key=lambda truth: truth.image.id)
    rows = rng.uniform(0, 300, (400, 6))
    rows[:, 2:4] = rows[:, :2] + 40
    rows[:, 4], rows[:, 5] = rng.choice([0.1, 0.4, 0.8], 400), rng.integers(0, 2, 400)
    side = [made(rows.tolist()), made(rows[::-1].tolist())]
    ours = values_at(matches_of(truths, side), 2, once(2))[0]
    assert ours == pycocotools_values(ground_truth_json(truths), result_rows(truths, side))


def compare(
    truths: Sequence[DetectionTruth],
    fp32: Sequence[Detections],
    int8: Sequence[Detections] | None = None,
    wanted: Sequence[str] = (),
) -> Comparison:
    return compare_sides([sample_of(truth) for truth in truths], fp32, int8 or fp32, wanted)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000))
def test_both_sides_whatever_the_order_of_the_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truths = [*scene(rng, 6), truth_with_one_object()]
    fp32, int8 = detections(rng, truths), detections(rng, truths)
    comparison = compare(truths, fp32, int8)
    for values, side in zip(_values(comparison), (fp32, int8), strict=True):
        if rows := result_rows(truths, side):
            expected = pycocotools_values(ground_truth_json(truths), rows)
            assert values == {name: expected[name] for name in METRICS if expected[name] >= 0}
    order = rng.permutation(len(truths))
    other = compare([truths[i] for i in order], [fp32[i] for i in order], [int8[i] for i in order])
    assert _values(other) == _values(comparison)
    assert other.flips == comparison.flips
    counts = rng.multinomial(len(truths), np.full(len(truths), 1 / len(truths)), size=4)
    for name, pair in comparison.metrics.items():
        evidence, moved = pair.evidence, other.metrics[name].evidence
        assert isinstance(evidence, Resampled)
        assert isinstance(moved, Resampled)
        np.testing.assert_array_equal(evidence.fp32(counts), moved.fp32(counts[:, order]))


def _values(comparison: Comparison) -> tuple[dict[str, float], dict[str, float]]:
    pairs = comparison.metrics
    return {name: pair.fp32 for name, pair in pairs.items()}, {name: pair.int8 for name, pair in pairs.items()}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 8))
def test_a_resample_has_the_value_of_a_dataset_that_holds_its_images(seed: int, images: int) -> None:
    rng = np.random.default_rng(seed)
    truths = sorted(scene(rng, images), key=lambda truth: truth.image.id)
    side = [replace(one, scores=np.linspace(0.9, 0.1, len(one), dtype=np.float32)) for one in detections(rng, truths)]
    matches = matches_of(truths, side)
    counts = rng.multinomial(images, np.full(images, 1 / images), size=3)
    for drawn, values in zip(counts.tolist(), values_at(matches, images, counts), strict=True):
        copies, copied = [], []
        for truth, found, count in zip(truths, side, drawn, strict=True):
            for copy in range(count):
                objects = tuple(replace(one, id=100 * one.id + copy) for one in truth.objects)
                image = replace(truth.image, id=100 * truth.image.id + copy)
                copies.append(replace(truth, image=image, objects=objects))
                copied.append(found)
        if rows := result_rows(copies, copied):
            assert values == pycocotools_values(ground_truth_json(copies), rows)


def truth_with_one_object() -> DetectionTruth:
    dog = CocoObject(9000, 1, (10.0, 10.0, 60.0, 60.0), 3600.0, False)
    return DetectionTruth(CocoImage(900, "900.jpg", 500, 400), (dog,), CLASSES)


DOG, MISSED = made([[10, 10, 70, 70, 0.9, 1]]), Detections.none()


def test_flips_details_and_what_moved() -> None:
    truth = truth_with_one_object()
    empty = DetectionTruth(CocoImage(8, "8.jpg", 500, 400), (), CLASSES)
    comparison = compare([truth, empty], [DOG, MISSED], [MISSED, DOG])
    assert (comparison.flips.only_fp32_right, comparison.flips.only_int8_right) == (1, 0)
    assert comparison.flips.agreement_pct == 0
    assert [(moved.sample, moved.fp32, moved.int8) for moved in comparison.moved] == [("900", 1, 0)]
    assert comparison.details["classes"] == {"dog": {"objects": 1, "fp32": 1.0, "int8": 0.0}}
    assert comparison.details["fp32"] == {"detections": 1, "AR1": 1, "AR10": 1, "AR100": 1, "ARM": 1}
    assert comparison.details["int8"] == {"detections": 1, "AR1": 0, "AR10": 0, "AR100": 0, "ARM": 0}


def test_nothing_found_at_all_is_0() -> None:
    assert compare([truth_with_one_object()], [MISSED]).metrics["mAP"].fp32 == 0


def test_metrics_that_nothing_counts_for_are_left_out_unless_wanted() -> None:
    truth = truth_with_one_object()
    assert set(compare([truth], [DOG]).metrics) == {"mAP", "mAP50", "mAP75", "mAPM"}
    with pytest.raises(DatasetError, match=r"mAPS is not defined: the 1 evaluated images .* \(areas: small\)"):
        compare([truth], [DOG], wanted=["mAPS"])
    with pytest.raises(DatasetError, match="mAP is not defined"):
        compare([replace(truth, objects=())], [DOG])


def test_sequences_of_other_lengths_and_other_samples_are_refused() -> None:
    truth = truth_with_one_object()
    with pytest.raises(ValueError, match="1 samples, 1 fp32 and 2 int8"):
        compare([truth], [DOG], [DOG] * 2)
    with pytest.raises(TypeError, match="expected a DetectionTruth"):
        compare_sides([Sample("x", 3, 0)], [DOG], [DOG], ())
