from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.spec.errors import ConfigError
from pytest_quant.tasks.images import padded_size
from pytest_quant.tasks.text_detection.options import PreprocessOptions, Resize
from pytest_quant.tasks.text_detection.preprocess import Preprocess, resized_size

from .models import MEAN, STD, detector

OLDER, NEWER = Resize(keep_ratio=(1333, 736)), Resize(short_side=736)


@pytest.mark.parametrize(
    ("size", "older", "newer"),
    [
        ((1280, 720), (1308, 736), (1308, 736)),
        ((640, 480), (981, 736), (981, 736)),
        ((1920, 600), (1333, 417), (2355, 736)),
        ((720, 1280), (736, 1308), (736, 1308)),
        ((600, 1920), (417, 1333), (736, 2355)),
    ],
)
def test_the_sizes_of_both_generations(size: Any, older: Any, newer: Any) -> None:
    assert (resized_size(size, OLDER), resized_size(size, NEWER)) == (older, newer)
    assert resized_size(size, Resize(keep_ratio=(736, 1333))) == older


@pytest.mark.parametrize(
    ("size", "padded"),
    [((1308, 736), (1312, 736)), ((981, 736), (992, 736)), ((1333, 417), (1344, 448)), ((1, 64), (32, 64))],
)
def test_the_next_multiple_of_32(size: Any, padded: Any) -> None:
    assert padded_size(size, 32) == padded
    assert padded_size(size, 1) == size


def test_other_sizes() -> None:
    assert resized_size((1280, 720), Resize(long_side=960)) == (960, 540)
    assert resized_size((100, 50), Resize(long_side=960)) == (960, 480)
    assert resized_size((1280, 720), Resize(size=(640, 640))) == (640, 640)
    assert resized_size((3, 2), Resize(short_side=3)) == (4, 3)  # 4.5, half to even
    assert resized_size((3, 2), Resize(short_side=5)) == (8, 5)  # 7.5
    assert resized_size((3, 2), Resize(short_side=5, rounding="truncate")) == (7, 5)


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([OLDER, NEWER, Resize(long_side=64)]))
def test_no_side_vanishes(width: int, height: int, how: Resize) -> None:
    assert min(resized_size((width, height), how)) >= 1


def photo(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def preprocess(keys: dict[str, Any], **model: Any) -> Preprocess:
    return Preprocess(PreprocessOptions.model_validate(keys), detector(**model).input)


def test_the_steps_of_mmocr() -> None:
    image = photo(45, 80)
    tensor, geometry = preprocess({"resize": {"keep_ratio": [100, 50]}})(image)
    pixels = cv2.resize(image, (89, 50), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    expected = (pixels - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    assert tensor.shape == (3, 64, 96)
    assert tensor.flags.c_contiguous
    assert np.array_equal(tensor[:, :50, :89], expected.transpose(2, 0, 1))
    assert not tensor[:, 50:].any()
    assert not tensor[:, :, 89:].any()
    assert geometry.scale == (89 / 80, 50 / 45)
    assert (geometry.image_size, geometry.input_size) == ((80, 45), (96, 64))


def test_images_of_different_sizes_give_inputs_of_different_sizes() -> None:
    work = preprocess({})
    assert [work(photo(*shape))[0].shape for shape in ((64, 96), (33, 31), (32, 64))] == [
        (3, 64, 96), (3, 64, 32), (3, 32, 64)
    ]  # fmt: skip


def test_input_size_is_the_size_to_resize_to() -> None:
    work = preprocess({}, size=(64, 32))
    tensor, geometry = work(photo(20, 20))
    assert tensor.shape == (3, 32, 64)
    assert geometry.scale == (3.2, 1.6)
    assert work.resize_json() == {"size": [64, 32]}


@pytest.mark.parametrize(
    ("keys", "size", "said"),
    [
        ({"resize": {"keep_ratio": [1333, 736]}}, (64, 64), r"resize\.keep_ratio gives inputs of different sizes"),
        ({"resize": {"short_side": 64}}, (64, 64), r"resize\.short_side gives inputs of different sizes"),
        ({"resize": {"long_side": 64}}, (64, 64), r"resize\.long_side gives inputs of different sizes"),
        (
            {"resize": {"size": [64, 96]}},
            (64, 64),
            r"resize\.size \[64, 96\] with pad_divisor 32 gives inputs of \[64, 96\]",
        ),
        ({}, (100, 64), r"inputs of \[128, 64\] \(width, height\), but input\.size is \[100, 64\]"),
    ],
)
def test_contradictions(keys: dict[str, Any], size: tuple[int, int], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        preprocess(keys, size=size)


def test_no_padding_with_a_divisor_of_one() -> None:
    tensor, geometry = preprocess({"pad_divisor": 1}, size=(50, 30))(photo(7, 9))
    assert tensor.shape == (3, 30, 50)
    assert geometry.input_size == (50, 30)


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ({}, None),
        ({"resize": {"keep_ratio": [1333, 736]}}, {"keep_ratio": [1333, 736]}),
        ({"resize": {"short_side": 736}}, {"short_side": 736, "rounding": "round"}),
        ({"resize": {"long_side": 960}}, {"long_side": 960}),
    ],
)
def test_the_resize_as_the_report_shows_it(keys: dict[str, Any], shown: Any) -> None:
    assert preprocess(keys).resize_json() == shown
