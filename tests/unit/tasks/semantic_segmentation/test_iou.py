"""Counts and metrics against mmseg's own results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.datasets.masks import reduced
from pytest_quant.tasks.semantic_segmentation.counts import PixelCounts, count_pixels
from pytest_quant.tasks.semantic_segmentation.iou import scores

GOLDEN = Path(__file__).parents[1] / "golden"
CASES: dict[str, Any] = json.loads((GOLDEN / "segmentation_mmseg.json").read_text())["cases"]
INPUTS = np.load(GOLDEN / "segmentation_inputs.npz")


def counted(name: str) -> PixelCounts:
    case = CASES[name]
    return PixelCounts.of(
        [
            count_pixels(
                INPUTS[f"{name}_pred{index}"], INPUTS[f"{name}_gt{index}"], case["num_classes"], case["ignore_index"]
            )
            for index in range(case["n"])
        ]
    )


@pytest.mark.parametrize("name", CASES)
def test_areas_are_those_of_mmseg(name: str) -> None:
    counts = counted(name)
    union = counts.predicted + counts.labelled - counts.intersection
    areas = np.stack([counts.intersection, union, counts.predicted, counts.labelled], axis=1)
    assert areas.tolist() == CASES[name]["areas_intersect_union_pred_label"]


@pytest.mark.parametrize("name", CASES)
def test_metrics_are_those_of_mmseg(name: str) -> None:
    found = scores(counted(name))
    for key, values in (("IoU", found.iou[0]), ("Acc", found.accuracy[0])):
        expected = np.array([np.nan if value is None else 100 * value for value in CASES[name][key]])
        np.testing.assert_allclose(values, expected, rtol=1e-6)
    for key, value in CASES[name]["summary"].items():
        assert round(float(found.values[key][0]), 2) == pytest.approx(value, abs=1e-5)


def test_reduce_zero_label_is_that_of_mmseg() -> None:
    assert np.array_equal(reduced(INPUTS["reduce_zero_in"].astype(np.int32)), INPUTS["reduce_zero_out"])


def test_void_as_false_positive_enlarges_the_union_alone() -> None:
    counts = PixelCounts.of([count_pixels(np.array([0, 0, 1, 1]), np.array([0, 1, 1, -1]), 2)])
    plain, strict = scores(counts), scores(counts, void="false-positive")
    assert plain.iou.tolist() == [[50.0, 50.0]]
    assert strict.iou.tolist() == [[50.0, pytest.approx(100 / 3)]]
    assert strict.accuracy.tolist() == plain.accuracy.tolist()
    assert strict.pixel_accuracy.tolist() == plain.pixel_accuracy.tolist() == [pytest.approx(200 / 3)]


def test_resamples_are_datasets_of_the_drawn_images() -> None:
    counts = counted("plain")
    drawn = PixelCounts(*(getattr(counts, name)[[0, 0, 2]] for name in PixelCounts.__dataclass_fields__))
    found = scores(counts, np.array([[2, 0, 1], [1, 1, 1]])).values["mIoU"]
    assert found.tolist() == [scores(drawn).values["mIoU"][0], scores(counts).values["mIoU"][0]]


def test_large_counts_are_exact() -> None:
    """2**24 + 1 has no float32."""
    pixels = np.array([[2**24 + 1, 0]])
    found = scores(PixelCounts(pixels, pixels, pixels + np.array([[1, 0]]), pixels * 0))
    assert found.pixel_accuracy[0] == 100 * (2**24 + 1) / (2**24 + 2)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 4)), min_size=1, max_size=60))
def test_counts_equal_a_plain_loop(pixels: list[tuple[int, int]]) -> None:
    predicted, labels = (np.array(column) for column in zip(*pixels, strict=True))
    counts = count_pixels(predicted, labels, 3)
    for index in range(3):
        assert counts.intersection[index] == sum(p == index and t == index for p, t in pixels)
        assert counts.predicted[index] == sum(p == index and t != -1 for p, t in pixels)
        assert counts.labelled[index] == sum(t == index for _, t in pixels)
        assert counts.predicted_on_void[index] == sum(p == index and t == -1 for p, t in pixels)
