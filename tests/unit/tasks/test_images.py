from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import Color
from pytest_quant.tasks.images import Backend, Normalizer, center_crop, resize, short_side_size

from .models import net_input

NUMBER = st.floats(-300, 300, width=32)
DIVISOR = st.floats(0.0625, 300, width=32)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("backend", "expected"), [("pillow", [30, 90]), ("opencv", [0, 105])])
def test_the_backends_differ_when_an_image_shrinks(backend: Backend, expected: list[int]) -> None:
    # Pillow's triangle is as wide as the reduction: weights 3/7, 3/7, 1/7 at the border. OpenCV averages the two
    # nearest pixels.
    row = np.repeat(np.array([[0, 0, 210, 0]], np.uint8)[..., np.newaxis], 3, axis=2)
    assert resize(np.repeat(row, 2, axis=0), (2, 2), backend)[0, :, 1].tolist() == expected


@pytest.mark.parametrize("backend", ["pillow", "opencv"])
def test_resize_takes_width_first_and_keeps_the_channels_apart(backend: Backend) -> None:
    flat = np.broadcast_to(np.array([10, 20, 30], np.uint8), (9, 7, 3)).copy()
    small = resize(flat, (5, 3), backend)
    assert small.shape == (3, 5, 3)
    assert small.dtype == np.uint8
    assert (small == [10, 20, 30]).all()


@pytest.mark.parametrize("backend", ["pillow", "opencv"])
def test_the_order_of_the_channels_does_not_matter_to_resize(backend: Backend) -> None:
    image = noise(37, 53)
    flipped = resize(np.ascontiguousarray(image[..., ::-1]), (20, 11), backend)
    assert np.array_equal(flipped[..., ::-1], resize(image, (20, 11), backend))


@pytest.mark.parametrize("backend", ["pillow", "opencv"])
def test_an_image_of_the_right_size_is_left_alone(backend: Backend) -> None:
    image = noise(8, 6)
    assert resize(image, (6, 8), backend) is image


def test_short_side_of_the_reference() -> None:
    # mmpretrain's own test of ResizeEdge: an image of height 128 and width 256.
    assert short_side_size((256, 128), 224, "truncate") == (448, 224)


@pytest.mark.parametrize(
    ("size", "truncated", "rounded"),
    [((500, 375), (341, 256), (341, 256)), ((375, 500), (256, 341), (256, 341)), ((500, 374), (342, 256), (342, 256)),
     ((500, 333), (384, 256), (384, 256)), ((387, 256), (387, 256), (387, 256)), ((300, 300), (256, 256), (256, 256)),
     ((1025, 512), (512, 256), (512, 256)), ((1027, 512), (513, 256), (514, 256))],
)  # fmt: skip
def test_short_side(size: tuple[int, int], truncated: tuple[int, int], rounded: tuple[int, int]) -> None:
    assert short_side_size(size, 256, "truncate") == truncated
    assert short_side_size(size, 256, "round") == rounded  # 512.5 and 513.5 go to the even neighbour


@given(st.integers(1, 20000), st.integers(1, 20000), st.integers(1, 2000))
def test_short_side_is_the_formula_of_the_protocol(width: int, height: int, short: int) -> None:
    expected = (short, int(short * height / width)) if width < height else (int(short * width / height), short)
    assert short_side_size((width, height), short, "truncate") == expected


@pytest.mark.parametrize(("width", "left"), [(341, 58), (343, 60), (345, 60), (347, 62), (256, 16), (224, 0)])
def test_crop_offsets_round_half_to_even(width: int, left: int) -> None:
    image = np.zeros((256, width, 3), np.uint8)
    image[..., 0] = np.arange(width) % 256
    image[..., 1] = np.arange(256)[:, np.newaxis]
    crop = center_crop(image, (224, 224))
    assert crop.shape == (224, 224, 3)
    assert crop[0, 0].tolist() == [left, 16, 0]


def test_a_crop_may_be_oblong() -> None:
    assert center_crop(noise(20, 30), (10, 16)).shape == (16, 10, 3)


@pytest.mark.parametrize("size", [(31, 20), (30, 21)])
def test_a_crop_larger_than_the_image_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"30 by 20 pixels is smaller than the crop of {size[0]} by {size[1]}"):
        center_crop(noise(20, 30), size)


@given(
    st.sampled_from(["rgb", "bgr"]),
    st.tuples(NUMBER, NUMBER, NUMBER),
    st.tuples(DIVISOR, DIVISOR, DIVISOR),
    st.sampled_from([1.0, 1 / 255, 0.017]),
    st.integers(0, 99),
)
def test_normalization_is_bit_for_bit_the_formula_in_float32(
    color: Color, mean: tuple[float, ...], std: tuple[float, ...], scale: float, seed: int
) -> None:
    image = noise(5, 7, seed)[:, 1:6]  # a crop: not contiguous
    tensor = Normalizer(net_input(None, color, mean, std, scale))(image)
    pixels = (image if color == "rgb" else image[..., ::-1]).astype(np.float32)
    expected = (pixels * np.float32(scale) - np.array(mean, np.float32)) / np.array(std, np.float32)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    assert np.array_equal(tensor, expected.transpose(2, 0, 1))


def test_gray_is_the_luma_of_opencv() -> None:
    image = noise(5, 7)
    tensor = Normalizer(net_input(None, "gray", (128.0,), (2.0,)))(image)
    luma = image @ np.array([0.299, 0.587, 0.114])
    assert tensor.shape == (1, 5, 7)
    assert np.abs(tensor[0] * 2 + 128 - luma).max() <= 0.51
    assert np.array_equal(tensor[0] * 2 + 128, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


@pytest.mark.parametrize(
    ("color", "mean", "std"),
    [("rgb", (0.0,), (1.0,)), ("gray", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), ("rgb", (0.0, 0.0, 0.0), (1.0, 0.0, 1.0))],
)
def test_values_that_do_not_fit_the_channels(color: Color, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="values each for color"):
        Normalizer(net_input(None, color, mean, std))
