from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.spec.errors import DatasetError
from pytest_quant.tasks.base import Resampled
from pytest_quant.tasks.text_detection.comparison import DetectionComparison, compare_sides
from pytest_quant.tasks.text_detection.options import HmeanOptions
from pytest_quant.tasks.text_detection.prediction import TextPrediction, make_prediction


def square(x: float) -> list[float]:
    return [x, 0, x + 1, 0, x + 1, 1, x, 1]


def sample(name: str, count: int, ignored: Sequence[int] = ()) -> Sample:
    """Squares side by side."""
    return Sample(name, tuple(TextRegion(tuple(square(2 * i)), i in ignored) for i in range(count)), 0)


def prediction(places: Sequence[float], scores: Sequence[float]) -> TextPrediction:
    return make_prediction([np.array(square(2 * place)).reshape(-1, 2) for place in places], scores)


SAMPLES = [sample("a", 3), sample("b", 2, ignored=[1])]
# fp32 is best at 0.7, where its two mistakes are gone; int8 gives lower scores and is best at 0.4.
FP32 = [prediction([0, 1, 2, 40], [0.9, 0.8, 0.75, 0.6]), prediction([0, 1, 50], [0.9, 0.9, 0.55])]
INT8 = [prediction([0, 1, 2], [0.9, 0.45, 0.45]), prediction([0], [0.45])]


def compare(**options: Any) -> DetectionComparison:
    return compare_sides(SAMPLES, FP32, INT8, HmeanOptions.model_validate(options))


def values(comparison: DetectionComparison) -> dict[str, tuple[float, float]]:
    return {name: (pair.fp32, pair.int8) for name, pair in comparison.metrics.items()}


def test_both_sides_are_taken_where_fp32_is_best() -> None:
    comparison = compare()
    assert comparison.details["score_threshold"] == 0.7000000000000002
    assert values(comparison) == {"hmean": (1.0, 0.4), "precision": (1.0, 1.0), "recall": (1.0, 0.25)}
    assert comparison.metrics["hmean"].drop == pytest.approx(0.6)


def test_the_threshold_of_each_side_stands_in_the_details_only() -> None:
    details = compare().details
    assert details["fp32"]["own_best"] == {
        "hmean": 1.0, "precision": 1.0, "recall": 1.0, "threshold": 0.7000000000000002
    }  # fmt: skip
    assert details["int8"]["own_best"] == {"hmean": 1.0, "precision": 1.0, "recall": 1.0, "threshold": 0.3}
    assert details["int8"] | {"own_best": None} == {
        "regions": 4, "predictions": 1, "hits": 1, "own_best": None, "capped_points": 0, "images_with_capped_points": 0
    }  # fmt: skip
    assert json.loads(json.dumps(details)) == details


def test_a_fixed_threshold_holds_for_both() -> None:
    comparison = compare(score_threshold=0.4)
    assert comparison.details["score_threshold"] == 0.4
    assert values(comparison)["recall"] == (1.0, 1.0)
    assert values(comparison)["precision"] == (4 / 6, 1.0)
    assert comparison.metrics["hmean"].drop < 0


def test_a_fixed_threshold_below_the_sweep_takes_what_0x_would_drop() -> None:
    low = [prediction([0, 1, 2], [0.2] * 3), prediction([0], [0.1])]
    comparison = compare_sides(SAMPLES, low, low, HmeanOptions(score_threshold=0.1))
    assert values(comparison)["recall"] == (1.0, 1.0)


def test_icdar_takes_every_instance() -> None:
    comparison = compare(profile="icdar")
    assert comparison.details["score_threshold"] is None
    assert values(comparison)["precision"] == (4 / 6, 1.0)


def test_flips_are_regions_that_one_side_found() -> None:
    flips = compare().flips
    assert (flips.only_fp32_right, flips.only_int8_right, flips.agreement_pct) == (3, 0, 25.0)


def evidence(comparison: DetectionComparison, name: str = "hmean") -> Resampled:
    found = comparison.metrics[name].evidence
    assert isinstance(found, Resampled)
    return found


@pytest.mark.parametrize("options", [{}, {"score_threshold": 0.5}, {"profile": "icdar"}, {"match": "maximum"}])
@pytest.mark.parametrize("name", ["hmean", "precision", "recall"])
def test_evidence_drawn_once_gives_the_measured_value(options: dict[str, Any], name: str) -> None:
    comparison = compare(**options)
    found = evidence(comparison, name)
    once = np.ones((1, found.images), np.int64)
    assert found.images == 2
    assert found.fp32(once).tolist() == [comparison.metrics[name].fp32]
    assert found.int8(once).tolist() == [comparison.metrics[name].int8]


def test_a_resample_chooses_the_threshold_of_fp32_anew() -> None:
    found = evidence(compare(), "precision")
    drawn = np.array([[1, 1], [0, 1], [3, 0]])
    for row, multiplicities in enumerate(drawn):
        chosen = [index for index, times in enumerate(multiplicities) for _ in range(times)]
        alone = compare_sides(
            [SAMPLES[index] for index in chosen],
            [FP32[index] for index in chosen],
            [INT8[index] for index in chosen],
            HmeanOptions(),
        )
        assert found.fp32(drawn)[row] == alone.metrics["precision"].fp32
        assert found.int8(drawn)[row] == alone.metrics["precision"].int8


def test_a_resample_without_regions_has_no_value() -> None:
    samples = [SAMPLES[0], sample("c", 0)]
    found = evidence(compare_sides(samples, FP32, INT8, HmeanOptions()))
    assert np.isnan(found.fp32(np.array([[2, 0], [0, 2]]))).tolist() == [False, True]


def test_capped_points_are_reported() -> None:
    capped = [make_prediction([], [], capped_points=7), make_prediction([], [])]
    details = compare_sides(SAMPLES, FP32, capped, HmeanOptions()).details
    assert (details["int8"]["capped_points"], details["int8"]["images_with_capped_points"]) == (7, 1)
    assert (details["fp32"]["capped_points"], details["fp32"]["images_with_capped_points"]) == (0, 0)


def test_counts_are_kept_by_image() -> None:
    counts = compare().counts["fp32"]
    assert counts.regions.tolist() == [3, 1]
    assert counts.hits[:, 0].tolist() == [3, 1]
    assert counts.predictions[:, 0].tolist() == [4, 2]


def test_without_text_that_counts_there_is_nothing_to_measure() -> None:
    ignored = [sample("a", 1, ignored=[0]), sample("b", 0)]
    nothing = [make_prediction([], [])] * 2
    with pytest.raises(DatasetError, match="none of the 2 images has a text region that counts"):
        compare_sides(ignored, nothing, nothing, HmeanOptions())


def test_the_same_number_of_everything() -> None:
    with pytest.raises(ValueError, match="2 samples, 1 fp32 and 2 int8 predictions"):
        compare_sides(SAMPLES, FP32[:1], INT8, HmeanOptions())


@given(st.integers(1, 5), st.integers(0, 10_000), st.sampled_from(["mmocr-0.x", "mmocr-1.x", "icdar"]))
def test_identical_predictions_do_not_drop(count: int, seed: int, profile: Any) -> None:
    rng = np.random.default_rng(seed)
    samples = [sample(str(index), int(rng.integers(1, 5))) for index in range(count)]
    same = [prediction(rng.uniform(0, 5, 3).tolist(), rng.random(3).tolist()) for _ in range(count)]
    comparison = compare_sides(samples, same, same, HmeanOptions(profile=profile))
    assert [pair.drop for pair in comparison.metrics.values()] == [0.0, 0.0, 0.0]
    assert comparison.flips.agreement_pct == 100.0
    drawn = rng.multinomial(count, np.full(count, 1 / count), 20)
    found = evidence(comparison)
    assert np.array_equal(found.fp32(drawn), found.int8(drawn))
