from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.object_detection.options import PreprocessOptions
from pytest_quant.tasks.object_detection.preprocess import Preprocess

from .models import net_input


def preprocess(resize: Mapping[str, Any] | None, size: Any = None, **options: Any) -> Preprocess:
    return Preprocess(PreprocessOptions.model_validate({"resize": resize, **options}), net_input(size))


def gray(width: int, height: int, value: int = 200) -> Any:
    return np.full((height, width, 3), value, np.uint8)


def test_stretched_to_the_input() -> None:
    tensor, geometry = preprocess(None, (64, 32))(gray(128, 128))
    assert tensor.shape == (3, 32, 64)
    assert geometry.scale == (0.5, 0.25)
    assert geometry.to_image(np.array([[0, 0, 64, 32]], np.float32)).tolist() == [[0, 0, 128, 128]]


def test_letterbox_at_the_top_left_is_filled_before_normalization() -> None:
    input_ = InputSpec("in0", (40, 40), "rgb", (100.0, 100.0, 100.0), (2.0, 2.0, 2.0))
    options = PreprocessOptions.model_validate({"resize": {"letterbox": [40, 40]}})
    tensor, geometry = Preprocess(options, input_)(gray(100, 47))
    assert geometry.seen_size == (40, 18)  # 18.8, truncated
    assert geometry.scale == (0.4, 0.4)  # the one ratio, as YOLOX divides
    assert (tensor[:, :18] == 50).all()
    assert (tensor[:, 18:] == 7).all()


def test_letterbox_in_the_middle_and_rounded_to_the_nearest() -> None:
    resize = {"letterbox": [40, 40], "place": "center", "pad_value": 0, "rounding": "nearest"}
    tensor, geometry = preprocess(resize)(gray(100, 47))
    assert geometry.seen_size == (40, 19)
    assert geometry.offset == (0, 10)  # of 21, the odd one below
    assert (tensor[0, :10] == 0).all()
    assert (tensor[0, 10:29] == 200).all()
    assert (tensor[0, 29:] == 0).all()
    top = geometry.to_image(np.array([[0, 10, 40, 28.8]], np.float32))
    np.testing.assert_allclose(top, [[0, 0, 100, 47]], atol=1e-4)
    assert geometry.clip(np.array([[-5, 0, 50, 40]], np.float32)).tolist() == [[0, 10, 40, 29]]


def test_keep_ratio_as_mmcv_pads_with_zeros_to_32() -> None:
    tensor, geometry = preprocess({"keep_ratio": [1333, 800]})(gray(640, 427))
    assert geometry.seen_size == (1199, 800)
    assert tensor.shape == (3, 800, 1216)
    assert geometry.scale == (1199 / 640, 800 / 427)  # what each side really got
    assert (tensor[:, :, 1199:] == 0).all()
    truncated = preprocess({"keep_ratio": [1333, 800], "rounding": "truncate"}).geometry((640, 427))
    assert truncated.scale == (800 / 427,) * 2


def test_padding_of_a_static_net() -> None:
    tensor, _ = preprocess({"size": [300, 300]}, pad_divisor=32)(gray(10, 10))
    assert tensor.shape == (3, 320, 320)


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from(["top-left", "center"]), st.booleans())
def test_boxes_come_back(width: int, height: int, place: str, nearest: bool) -> None:
    resize = {"letterbox": [416, 320], "place": place, "rounding": "nearest" if nearest else "truncate"}
    geometry = preprocess(resize).geometry((width, height))
    (left, top), (seen_width, seen_height) = geometry.offset, geometry.seen_size
    assert 1 <= seen_width <= 416 - left
    assert 1 <= seen_height <= 320 - top
    whole = np.array([[left, top, left + seen_width, top + seen_height]], np.float32)
    back = geometry.to_image(whole)[0] * (geometry.scale * 2)
    np.testing.assert_allclose(back, [0, 0, seen_width, seen_height], atol=1e-3)


@pytest.mark.parametrize(
    ("resize", "message"),
    [
        ({}, "exactly one of size, letterbox, keep_ratio"),
        ({"size": [4, 4], "letterbox": [4, 4]}, "exactly one of size, letterbox, keep_ratio"),
        ({"size": [4, 4], "place": "center"}, "`place` and `pad_value` with `letterbox` only"),
        ({"size": [4, 4], "rounding": "nearest"}, "`rounding` with `letterbox` or `keep_ratio`"),
        ({"letterbox": [4, 4], "pad_value": 256}, "less than or equal to 255"),
    ],
)
def test_resizes_that_cannot_be_meant(resize: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        preprocess(resize)


def test_a_letterbox_is_full() -> None:
    with pytest.raises(ValidationError, match="no `pad_divisor` with `letterbox`"):
        preprocess({"letterbox": [4, 4]}, pad_divisor=32)


@pytest.mark.parametrize(
    ("resize", "size", "message"),
    [
        (None, None, "input.size is missing"),
        ({"letterbox": [416, 416]}, (640, 640), r"resize.letterbox \[416, 416\] .* input.size is \[640, 640\]"),
        ({"size": [416, 416]}, (640, 640), r"gives inputs of \[416, 416\]"),
        ({"keep_ratio": [1333, 800]}, (640, 640), "resize.keep_ratio gives inputs of different sizes"),
    ],
)
def test_sizes_that_contradict_each_other(resize: Any, size: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        preprocess(resize, size)


def test_how_a_report_spells_it() -> None:
    assert preprocess(None, (64, 32)).resize_json() == {"size": [64, 32]}
    assert preprocess({"keep_ratio": [9, 5]}).resize_json() == {"keep_ratio": [9, 5], "rounding": "nearest"}
    assert preprocess({"letterbox": [9, 5]}).resize_json() == {
        "letterbox": [9, 5],
        "place": "top-left",
        "pad_value": 114,
        "rounding": "truncate",
    }
