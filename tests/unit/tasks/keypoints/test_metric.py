from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.datasets.coco_persons import Person
from pytest_quant.spec.errors import DatasetError
from pytest_quant.tasks.base import Comparison, Resampled
from pytest_quant.tasks.keypoints.metric import compare_sides
from pytest_quant.tasks.keypoints.nms import oks_nms, similarity_matrix
from pytest_quant.tasks.keypoints.options import APOptions
from pytest_quant.tasks.keypoints.prediction import PosePrediction
from pytest_quant.tasks.keypoints.rescoring import pose_scores
from pytest_quant.tasks.keypoints.results import Results, box_corners

from .scenes import (
    NAMES,
    as_box,
    ground_truth_json,
    person,
    predictions,
    pycocotools_values,
    result_row,
    sample_of,
    scene,
)


def results(**options: Any) -> Results:
    return Results(APOptions.model_validate(options), (192, 256), 1.25)


def compare(
    truths: Sequence[PoseTruth],
    fp32: Sequence[PosePrediction],
    int8: Sequence[PosePrediction] | None = None,
    wanted: Sequence[str] = (),
    **options: Any,
) -> Comparison:
    return compare_sides([sample_of(truth) for truth in truths], fp32, int8 or fp32, results(**options), wanted)


def perfect(truth: PoseTruth) -> PosePrediction:
    owners = {f"{truth.image.id}/{p.id}": p for p in truth.persons}
    points = [np.array(owners[box.id].keypoints, np.float32).reshape(17, 3)[:, :2] for box in truth.boxes]
    return PosePrediction.of([(pose, np.ones(17, np.float32)) for pose in points])


def boxed_scene(seed: int, images: int) -> list[PoseTruth]:
    """Images with a ground-truth box for each person to be found."""
    rng = np.random.default_rng(seed)
    truths = []
    for truth in scene(rng, images):
        found = [p for p in truth.persons if p.labelled and not p.crowd]
        truths.append(replace(truth, boxes=tuple(as_box(truth.image.id, p) for p in found)))
    return truths


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100_000))
def test_ground_truth_as_prediction_is_perfect(seed: int) -> None:
    truths = [*boxed_scene(seed, 6), truth_with_one_person()]
    comparison = compare(truths, [perfect(truth) for truth in truths], nms="none")
    assert {name: pair.fp32 for name, pair in comparison.metrics.items()} == pytest.approx(
        dict.fromkeys(comparison.metrics, 1.0)
    )
    assert set(NAMES).difference(comparison.metrics) <= {"APM", "APL", "ARM", "ARL"}


def truth_with_one_person() -> PoseTruth:
    someone = Person(7, (10, 10, 60, 120), 4000, (30.0, 40.0, 2.0) * 17, 17, False)
    return PoseTruth(CocoImage(9, "9.jpg", 640, 480), (someone,), (as_box(9, someone),))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100_000))
def test_bounds_and_what_the_numbers_are_made_of(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truths = [*scene(rng, 6), truth_with_one_person()]
    comparison = compare(truths, predictions(rng, truths), predictions(rng, truths, error=3))
    for name, pair in comparison.metrics.items():
        assert 0 <= pair.fp32 <= 1, name
        assert 0 <= pair.int8 <= 1, name
        assert isinstance(pair.evidence, Resampled)
        ones = np.ones((1, pair.evidence.images), np.int64)
        assert (pair.fp32, pair.int8) == (pair.evidence.fp32(ones)[0], pair.evidence.int8(ones)[0])
        assert pair.drop == pair.fp32 - pair.int8
    assert comparison.metrics["AP"].fp32 <= comparison.metrics["AP50"].fp32 + 1e-12
    assert 0 <= comparison.flips.agreement_pct <= 100


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100_000))
def test_the_order_of_images_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truths = [*scene(rng, 6), truth_with_one_person()]
    fp32, int8 = predictions(rng, truths), predictions(rng, truths)
    order = rng.permutation(len(truths))
    one = compare(truths, fp32, int8)
    other = compare([truths[i] for i in order], [fp32[i] for i in order], [int8[i] for i in order])
    assert one.flips == other.flips
    counts = rng.multinomial(len(truths), np.full(len(truths), 1 / len(truths)), size=4)
    for name, pair in one.metrics.items():
        assert (pair.fp32, pair.int8) == (other.metrics[name].fp32, other.metrics[name].int8)
        evidence, moved = pair.evidence, other.metrics[name].evidence
        assert isinstance(evidence, Resampled)
        assert isinstance(moved, Resampled)
        np.testing.assert_array_equal(evidence.fp32(counts), moved.fp32(counts[:, order]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000), st.booleans(), st.sampled_from(["oks", "none"]))
def test_the_whole_way_from_predictions_is_that_of_pycocotools(seed: int, with_box: bool, nms: str) -> None:
    rng = np.random.default_rng(seed)
    truths = [*scene(rng, 5), truth_with_one_person()]
    found = predictions(rng, truths)
    rows = []
    for truth, prediction in zip(truths, found, strict=True):
        corners = box_corners(truth)
        boxes = np.array([box.score for box in truth.boxes], np.float32)
        scores = pose_scores(boxes, prediction.scores)
        areas = results().person_areas(corners)
        kept = oks_nms(prediction.keypoints, scores, areas, 0.9) if nms == "oks" else range(len(scores))
        for index in kept:
            extent = [*corners[index, :2], *(corners[index, 2:] - corners[index, :2])]
            box = [float(value) for value in extent] if with_box else None
            rows.append(result_row(truth.image.id, prediction.keypoints[index].astype(float), scores[index], box))
    comparison = compare(truths, found, nms=nms, bbox_in_results=with_box)
    expected = pycocotools_values(ground_truth_json(truths), rows)
    assert {name: pair.fp32 for name, pair in comparison.metrics.items()} == {
        name: value for name, value in expected.items() if value != -1
    }


def test_the_box_in_the_results_matters_to_areas_only() -> None:
    rng = np.random.default_rng(2)
    truths = scene(rng, 60)
    found = predictions(rng, truths)
    one, other = compare(truths, found).metrics, compare(truths, found, bbox_in_results=False).metrics
    assert {name for name in NAMES if one[name].fp32 != other[name].fp32} == {"APM", "APL"}


def test_suppression_removes_a_pose_that_is_seen_twice() -> None:
    truth = truth_with_one_person()
    truth = replace(truth, boxes=(*truth.boxes, replace(truth.boxes[0], id="9/8", score=1.0)))
    pose = (np.full((17, 2), (30, 40), np.float32), np.ones(17, np.float32))
    twice = [PosePrediction.of([pose, pose])]
    assert len(results().poses([truth], twice).score) == 1
    assert len(results(nms="soft").poses([truth], twice).score) == 2
    assert len(results(nms="none").poses([truth], twice).score) == 2
    assert similarity_matrix(twice[0].keypoints, results().person_areas(box_corners(truth))).min() == 1


def test_flips_and_agreement_of_a_person_that_int8_loses() -> None:
    rng = np.random.default_rng(0)
    strangers = [person(rng, 20), person(rng, 21)]
    truth = truth_with_one_person()
    truth = replace(truth, boxes=(*truth.boxes, *(as_box(9, stranger) for stranger in strangers)))
    good = (np.full((17, 2), (30, 40), np.float32), np.ones(17, np.float32))
    bad = (np.full((17, 2), (400, 400), np.float32), np.ones(17, np.float32))
    fp32, int8 = PosePrediction.of([good, bad, bad]), PosePrediction.of([bad, bad, bad])
    flips = compare([truth], [fp32], [int8]).flips
    assert (flips.only_fp32_right, flips.only_int8_right) == (1, 0)
    assert flips.agreement_pct == pytest.approx(200 / 3)
    back = compare([truth], [int8], [fp32]).flips
    assert (back.only_fp32_right, back.only_int8_right) == (0, 1)


def test_an_image_without_boxes_counts_its_persons_as_missed() -> None:
    truth = truth_with_one_person()
    boxless = replace(truth, image=replace(truth.image, id=10), boxes=())
    comparison = compare([truth, boxless], [perfect(truth), PosePrediction.of([])])
    assert comparison.metrics["AR"].fp32 == 0.5
    only = compare([boxless], [PosePrediction.of([])])
    assert (only.metrics["AP"].fp32, only.flips.agreement_pct) == (0, 100)


def test_metrics_that_nobody_counts_for_are_left_out_unless_wanted() -> None:
    truth = truth_with_one_person()
    assert set(compare([truth], [perfect(truth)]).metrics) == set(NAMES) - {"APL", "ARL"}
    with pytest.raises(DatasetError, match=r"APL is not defined: the 1 evaluated images .* \(areas: large\)"):
        compare([truth], [perfect(truth)], wanted=["APL"])
    nobody = replace(truth, persons=())
    with pytest.raises(DatasetError, match="AP is not defined"):
        compare([nobody], [perfect(truth)])


def test_sequences_of_other_lengths_and_other_samples_are_refused() -> None:
    truth = truth_with_one_person()
    with pytest.raises(ValueError, match="1 samples, 1 fp32 and 2 int8"):
        compare([truth], [perfect(truth)], [perfect(truth)] * 2)
    with pytest.raises(ValueError, match="0 samples"):
        compare([], [])
    with pytest.raises(TypeError, match="expected a PoseTruth"):
        compare_sides([Sample("x", 3, 0)], [perfect(truth)], [perfect(truth)], results(), ())
