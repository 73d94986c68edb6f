from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pytest_quant.tasks.text_detection.comparison import chosen_profile
from pytest_quant.tasks.text_detection.options import (
    HmeanOptions,
    PostprocessOptions,
    PreprocessOptions,
    SharedOptions,
)
from pytest_quant.tasks.text_detection.parameters import DbParameters, PanParameters, TextSnakeParameters


def parameters(**keys: Any) -> Any:
    return PostprocessOptions.model_validate(keys).parameters


def test_the_published_sets() -> None:
    assert parameters(decoder="pan") == parameters(decoder="pan", profile="mmocr-0.x") == PanParameters(
        min_text_confidence=0.5, min_kernel_confidence=0.5, score_threshold=0.85, distance_threshold=0.85,
        min_text_area=16, text_repr_type="quad", downsample_ratio=0.25, float32_scale=True,
    )  # fmt: skip
    newer = parameters(decoder="pan", profile="mmocr-1.x")
    assert (newer.score_threshold, newer.distance_threshold, newer.float32_scale) == (0.3, 3.0, False)
    assert parameters(decoder="textsnake") == TextSnakeParameters(
        min_center_region_confidence=0.2, min_center_area=30, disk_overlap_thr=0.03, radius_shrink_ratio=1.03,
        step_ratio=0.03, float32_scale=True,
    )  # fmt: skip
    assert parameters(decoder="db") == DbParameters(
        mask_threshold=0.3, box_threshold=0.3, unclip_ratio=1.5, max_candidates=3000, min_size=5, box="quad",
        epsilon_ratio=0.01, style="mmocr",
    )  # fmt: skip
    assert parameters(decoder="db", profile="original") == DbParameters(
        mask_threshold=0.3, box_threshold=0.7, unclip_ratio=1.5, max_candidates=100, min_size=3, box="quad",
        epsilon_ratio=0.002, style="original",
    )  # fmt: skip
    paddle = parameters(decoder="db", profile="paddle")
    assert (paddle.box_threshold, paddle.unclip_ratio, paddle.max_candidates, paddle.style) == (
        0.7,
        2.0,
        1000,
        "original",
    )


def test_the_original_grows_polygons_more() -> None:
    assert parameters(decoder="db", profile="original", box="poly").unclip_ratio == 2.0
    assert parameters(decoder="db", profile="original", box="poly", unclip_ratio=1.2).unclip_ratio == 1.2


def test_changes_to_a_profile() -> None:
    changed = parameters(
        decoder="pan", profile="mmocr-1.x", score_threshold=0.5, min_text_area=4, text_repr_type="poly"
    )
    assert (changed.score_threshold, changed.min_text_area, changed.text_repr_type) == (0.5, 4, "poly")
    assert changed.distance_threshold == 3.0
    average = parameters(decoder="pan", min_text_avg_confidence=0.3)
    assert (average.score_threshold, average.distance_threshold) == (0.3, 0.3)
    assert parameters(decoder="textsnake", min_text_region_confidence=0.9) == parameters(decoder="textsnake")
    assert parameters(decoder="textsnake", text_repr_type="poly", step_ratio=0.1).step_ratio == 0.1


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "Field required"),
        ({"decoder": "east"}, "'pan', 'textsnake' or 'db'"),
        ({"decoder": "pan", "unclip_ratio": 1.5}, "keys of the decoder pan .*which unclip_ratio is not"),
        ({"decoder": "db", "score_threshold": 0.5}, "keys of the decoder db .*which score_threshold is not"),
        ({"decoder": "pan", "profile": "mmocr"}, r"a profile of pan: mmocr-0\.x, mmocr-1\.x"),
        ({"decoder": "db", "profile": "mmocr-1.x"}, "a profile of db: mmocr, original, paddle"),
        ({"decoder": "textsnake", "text_repr_type": "quad"}, "text_repr_type poly"),
        ({"decoder": "pan", "profile": "mmocr-1.x", "min_text_avg_confidence": 0.5}, r"is a name of mmocr-0\.x"),
        ({"decoder": "pan", "min_text_avg_confidence": 0.5, "score_threshold": 0.5}, "min_text_avg_confidence alone"),
        ({"decoder": "pan", "score_threshold": 85}, "less than or equal to 1"),
        ({"decoder": "pan", "score_threshold": True}, "valid number"),
        ({"decoder": "pan", "min_text_area": 1.5}, "valid integer"),
        ({"decoder": "pan", "distance_threshold": float("nan")}, "greater than 0|finite"),
        ({"decoder": "db", "unclip_ratio": float("inf")}, "finite"),
        ({"decoder": "pan", "threshold": 0.5}, "Extra inputs"),
    ],
)
def test_bad_postprocess_keys(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PostprocessOptions.model_validate(keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"resize": {}},
        {"resize": {"short_side": 736, "long_side": 1333}},
        {"resize": {"keep_ratio": [1333, 736], "rounding": "round"}},
        {"resize": {"size": [0, 736]}},
        {"resize": {"keep_ratio": 736}},
        {"pad_divisor": 0},
        {"backend": "cv2"},
        {"crop": 224},
    ],
)
def test_bad_preprocess_keys(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PreprocessOptions.model_validate(keys)


@pytest.mark.parametrize("keys", [{"profile": "coco"}, {"score_threshold": 90}, {"match": "vanilla"}, {"sweep": []}])
def test_bad_metric_keys(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HmeanOptions.model_validate(keys)


def test_precision_and_recall_have_no_keys() -> None:
    assert SharedOptions.model_validate({}) == SharedOptions()
    with pytest.raises(ValidationError, match=r"no keys: precision and recall are counted as `metric\.hmean` says"):
        SharedOptions.model_validate({"profile": "icdar"})


def test_the_way_of_counting_that_is_asked_for() -> None:
    assert chosen_profile(HmeanOptions()).name == "mmocr-0.x"
    fixed = chosen_profile(HmeanOptions(profile="mmocr-1.x", score_threshold=0.9, match="maximum"))
    assert (fixed.thresholds, fixed.match, fixed.area_slack) == ((0.9,), "maximum", 1e-5)
