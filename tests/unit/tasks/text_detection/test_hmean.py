from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.tasks.text_detection.counts import Counts, count_image
from pytest_quant.tasks.text_detection.hmean import AnnotatedPolygons, best_hmean, curves
from pytest_quant.tasks.text_detection.matching import matched_regions
from pytest_quant.tasks.text_detection.overlap import inside_share, intersection_over_union, polygon_set
from pytest_quant.tasks.text_detection.profiles import PROFILES, HmeanProfile, sweep

from .golden import load_json

OLD, NEW, ICDAR = PROFILES["mmocr-0.x"], PROFILES["mmocr-1.x"], PROFILES["icdar"]
CASES = load_json("hmean_cases_mmocr_1x.json")["cases"]
OLD_EXPECTED = load_json("hmean_expected_mmocr_0x.json")["expected"]
FINE = replace(NEW, thresholds=sweep(0.3, 1, 0.05))
LOOSE = replace(NEW, iou_threshold=0.3, ignore_threshold=0.3)
CONFIGURATIONS = {
    "vanilla_default": NEW,
    "max_matching_default": replace(NEW, match="maximum"),
    "vanilla_0.3_1_0.05": FINE,
    "max_matching_0.3_1_0.05": replace(FINE, match="maximum"),
    "vanilla_iou0.3_prec0.3": LOOSE,
    "max_matching_iou0.3_prec0.3": replace(LOOSE, match="maximum"),
}


def annotated(case: Any) -> list[AnnotatedPolygons]:
    return [
        AnnotatedPolygons(image["pred"], image["scores"], image["gt"], image["gt_ignore"]) for image in case["images"]
    ]


def counts_of(images: Sequence[AnnotatedPolygons], profile: HmeanProfile) -> Counts:
    return Counts.of([count_image(i.polygons, i.scores, i.regions, i.ignored, profile) for i in images], profile)


def rows_of(images: Sequence[AnnotatedPolygons], profile: HmeanProfile) -> list[tuple[float, ...]]:
    """Hits, regions, predictions, recall, precision and hmean at each threshold."""
    counts = counts_of(images, profile)
    found = curves(counts)
    return [
        (
            float(counts.hits[:, index].sum()),
            float(counts.regions.sum()),
            float(counts.predictions[:, index].sum()),
            found.recall[index],
            found.precision[index],
            found.hmean[index],
        )
        for index in range(len(profile.thresholds))
    ]


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_golden_counts_of_mmocr_1x(case: Any, name: str) -> None:
    expected, profile = case["expected"][name], CONFIGURATIONS[name]
    keys = ("hits", "gt", "pred", "recall", "precision", "hmean")
    assert rows_of(annotated(case), profile) == [tuple(row[key] for key in keys) for row in expected["per_threshold"]]
    best = best_hmean(annotated(case), profile)
    assert {f"icdar/{key}": getattr(best, key) for key in ("precision", "recall", "hmean")} == expected["best"]
    assert best.threshold in profile.thresholds


@pytest.mark.parametrize("number", OLD_EXPECTED)
def test_golden_counts_of_mmocr_0x(number: str) -> None:
    images, expected = annotated(CASES[int(number)]), OLD_EXPECTED[number]
    keys = ("num_match", "num_gts", "num_dets", "recall", "precision", "hmean")
    assert rows_of(images, OLD) == [tuple(row[key] for key in keys) for row in expected["per_threshold"]]
    best = best_hmean(images, OLD)
    assert {f"hmean-iou:{key}": getattr(best, key) for key in ("precision", "recall", "hmean")} == expected["best"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_golden_overlaps_of_mmocr_1x(case: Any) -> None:
    for image, expected in zip(case["images"], case["expected"]["_per_image_after_filter_default"], strict=True):
        predicted, truth = polygon_set(image["pred"], NEW), polygon_set(image["gt"], NEW)
        ignored = np.array(image["gt_ignore"], np.bool_)
        scores = np.array(image["scores"], np.float32).astype(np.float64)
        kept = (scores >= 0.3) & (inside_share(predicted, truth.subset(ignored), NEW) <= 0.5)
        found = intersection_over_union(truth.subset(~ignored), predicted.subset(kept))
        assert list(found.shape) == expected["iou_shape"]
        np.testing.assert_allclose(found, np.array(expected["iou"]).reshape(found.shape), rtol=0, atol=1e-9)
        assert scores[kept].tolist() == expected["kept_scores"]


def square(x: float, y: float) -> list[float]:
    return [x, y, x + 1, y, x + 1, y + 1, x, y + 1]


EXAMPLE_OF_MMOCR = [
    AnnotatedPolygons(
        [square(0, 0), square(2, 0.1), square(1, 1), square(1, -0.5)],
        [1, 1, 1, 0.001],
        [square(0, 0), square(1, 0), square(2, 0), square(10, 0)],
        [False, True, False, False],
    ),
    AnnotatedPolygons([square(0, 0), square(0, 0)], [1, 0.95], [square(0, 0)], [False]),
]


@pytest.mark.parametrize("profile", [OLD, NEW])
def test_the_example_of_mmocr(profile: HmeanProfile) -> None:
    best = best_hmean(EXAMPLE_OF_MMOCR, profile)
    assert (best.precision, best.recall, best.threshold) == (3 / 5, 3 / 4, 0.3)
    assert best.hmean == pytest.approx(2 / 3)


def test_the_official_script_takes_every_instance() -> None:
    best = best_hmean(EXAMPLE_OF_MMOCR, ICDAR)
    # (2, 0.1) is cut to (2, 0); the corners of (1, -0.5) to y = 0, which leaves no area to lie in a don't-care region.
    assert (best.precision, best.recall, best.threshold) == (3 / 6, 3 / 4, None)


def test_two_squares_predicted_exactly() -> None:
    both = [square(0, 0), square(5, 5)]
    for profile in PROFILES.values():
        best = best_hmean([AnnotatedPolygons(both, [1, 1], both, [False, False])], profile)
        assert (best.precision, best.recall, best.hmean) == (1, 1, 1)


def test_greedy_takes_the_ground_truth_in_its_order() -> None:
    overlaps = [[True, True], [True, False]]
    assert matched_regions(overlaps).tolist() == [True, False]
    assert matched_regions(overlaps[::-1]).tolist() == [True, True]
    assert matched_regions(overlaps, "maximum").tolist() == [True, True]
    assert matched_regions(np.zeros((2, 0))).tolist() == [False, False]


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 1000))
def test_maximum_matching_is_never_smaller_and_at_most_twice_greedy(regions: int, count: int, seed: int) -> None:
    overlaps = np.random.default_rng(seed).random((regions, count)) < 0.4
    greedy, most = (int(matched_regions(overlaps, match).sum()) for match in ("greedy", "maximum"))
    assert greedy <= most <= min(2 * greedy, count)


@pytest.mark.parametrize("profile", [OLD, NEW])
def test_the_lowest_threshold_is_a_score_above_in_0x_and_a_score_at_least_in_1x(profile: HmeanProfile) -> None:
    just = 0.3 if profile is OLD else float(np.nextafter(np.float32(0.3), np.float32(1)))
    images = [AnnotatedPolygons([square(0, 0)], [just], [square(0, 0)], [False])]
    # As float32, 0.3 lies above the double 0.3.
    assert best_hmean(images, profile).hmean == 1.0
    below = float(np.nextafter(np.float32(0.3), np.float32(0)))
    assert best_hmean([replace(images[0], scores=[below])], profile).hmean == 0.0


def test_the_thresholds_of_the_published_sweeps() -> None:
    assert OLD.thresholds == NEW.thresholds == (
        0.3, 0.4, 0.5, 0.6000000000000001, 0.7000000000000002, 0.8000000000000003, 0.9000000000000001
    )  # fmt: skip
    assert len(FINE.thresholds) == 14


@pytest.mark.parametrize(("profile", "nothing"), [(OLD, 1.0), (NEW, 1.0), (ICDAR, 0.0)])
def test_a_dataset_without_text(profile: HmeanProfile, nothing: float) -> None:
    ignored = AnnotatedPolygons([], [], [square(0, 0)], [True])
    assert best_hmean([ignored], profile).recall == nothing
    assert best_hmean([ignored], profile).hmean == nothing
    wrong = replace(ignored, polygons=[square(5, 5)], scores=[1])
    assert (best_hmean([wrong], profile).precision, best_hmean([wrong], profile).hmean) == (0.0, 0.0)
    missed = AnnotatedPolygons([], [], [square(0, 0)], [False])
    assert (best_hmean([missed], profile).precision, best_hmean([missed], profile).recall) == (0.0, 0.0)


def test_predictions_in_dont_care_regions_do_not_count() -> None:
    image = AnnotatedPolygons([square(0, 0), square(9, 9)], [1, 1], [square(0, 0), square(9, 9)], [False, True])
    for profile in PROFILES.values():
        counts = counts_of([image], profile)
        assert (counts.predictions[0, 0], counts.hits[0, 0], counts.regions[0]) == (1, 1, 1)


@pytest.mark.parametrize(("left", "counted"), [(5.0, 1), (4.9, 0)])
def test_a_prediction_of_which_exactly_half_is_dont_care_counts(left: float, counted: int) -> None:
    """The threshold is what must be exceeded to be ignored."""
    dont_care = [left, 0, 20, 0, 20, 10, left, 10]
    image = AnnotatedPolygons([[0, 0, 10, 0, 10, 10, 0, 10]], [1], [dont_care], [True])
    assert counts_of([image], OLD).predictions[0, 0] == counted


def test_a_prediction_outside_of_the_image_is_a_mistake_and_nothing_else() -> None:
    image = AnnotatedPolygons([square(0, 0), square(-500, 9000)], [1, 1], [square(0, 0)], [False])
    assert best_hmean([image], NEW).precision == 0.5


def test_resamples_count_images_as_often_as_they_are_drawn() -> None:
    counts = counts_of(EXAMPLE_OF_MMOCR, NEW)
    drawn = np.array([[1, 1], [2, 0], [0, 3]])
    found = curves(counts, drawn)
    assert found.hmean[0].tolist() == curves(counts).hmean.tolist()
    for row, images in enumerate([[0, 0], [1, 1, 1]], start=1):
        alone = curves(counts_of([EXAMPLE_OF_MMOCR[index] for index in images], NEW))
        assert found.recall[row].tolist() == alone.recall.tolist()
        assert found.precision[row].tolist() == alone.precision.tolist()


@st.composite
def image(draw: st.DrawFn) -> AnnotatedPolygons:
    rng = np.random.default_rng(draw(st.integers(0, 100_000)))
    regions, count = draw(st.integers(0, 5)), draw(st.integers(0, 7))
    places = rng.integers(0, 12, (regions + count, 2))
    polygons = (places[:, np.newaxis] + rng.integers(0, 8, (len(places), 4, 2))).reshape(len(places), 8)
    return AnnotatedPolygons(
        polygons[regions:].tolist(),
        rng.choice([0.1, 0.3, 0.55, 0.7, 0.9, 1.0], count).tolist(),
        polygons[:regions].tolist(),
        (rng.random(regions) < 0.3).tolist(),
    )


profiles = st.sampled_from(list(PROFILES.values())).flatmap(
    lambda profile: st.sampled_from([profile, replace(profile, match="maximum")])
)


@given(st.lists(image(), min_size=1, max_size=6), profiles, st.randoms(use_true_random=False))
def test_hmean_is_a_fraction_and_does_not_depend_on_the_order_of_images(
    images: list[AnnotatedPolygons], profile: HmeanProfile, random: Any
) -> None:
    found = curves(counts_of(images, profile))
    for values in (found.hmean, found.precision, found.recall):
        assert ((values >= 0) & (values <= 1)).all()
    shuffled = random.sample(images, len(images))
    assert curves(counts_of(shuffled, profile)).hmean.tolist() == found.hmean.tolist()


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True), profiles)
def test_the_ground_truth_itself_scores_one(places: list[int], profile: HmeanProfile) -> None:
    regions = [square(3 * (place % 7), 3 * (place // 7)) for place in places]
    exact = AnnotatedPolygons(regions, [1.0] * len(regions), regions, [False] * len(regions))
    assert best_hmean([exact], profile).hmean == 1.0
