from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.tasks.keypoints.geometry import BoxRegion, region_sizes, regions

CORNERS = st.tuples(st.floats(-50, 600), st.floats(-50, 400), st.floats(1, 500), st.floats(1, 500)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)
SIZES = st.sampled_from([(192, 256), (256, 256), (384, 288)])


def test_padding_and_ratio() -> None:
    wide, high = regions([(0, 0, 100, 50), (10, 20, 30, 100)], (192, 256), 1.25)
    assert wide.center.tolist() == [50, 25]
    assert wide.size.tolist() == pytest.approx([125, 125 / 0.75])
    assert high.center.tolist() == [20, 60]
    assert high.size.tolist() == [75, 100]
    assert wide.center.dtype == wide.size.dtype == np.float32


def test_no_boxes_have_no_regions() -> None:
    assert regions(np.zeros((0, 4)), (192, 256), 1.25) == []


@given(CORNERS, SIZES)
def test_a_region_has_the_ratio_of_the_input_and_holds_the_padded_box(
    corners: tuple[float, float, float, float], input_size: tuple[int, int]
) -> None:
    (width, height), *_ = region_sizes(np.array([corners], np.float32), input_size, 1.25)
    assert width / height == pytest.approx(input_size[0] / input_size[1], rel=1e-5)
    box = 1.25 * np.subtract(corners[2:], corners[:2])
    assert (np.array([width, height]) >= box * (1 - 1e-4) - 1e-3).all()
    assert (np.array([width, height]) <= box * (1 + 1e-4) + 1e-3).any()


@given(CORNERS, SIZES)
def test_the_plain_map_takes_the_centre_to_the_centre_and_the_left_edge_to_0(
    corners: tuple[float, float, float, float], input_size: tuple[int, int]
) -> None:
    (region,) = regions([corners], input_size, 1.25)
    matrix = region.matrix(udp=False)
    center = matrix @ [*region.center, 1]
    assert center == pytest.approx([input_size[0] / 2, input_size[1] / 2], abs=0.01)
    edge = matrix @ [region.center[0] - region.size[0] / 2, region.center[1], 1]
    assert edge == pytest.approx([0, input_size[1] / 2], abs=0.01)


@given(CORNERS, SIZES)
def test_the_udp_map_takes_the_edges_to_the_outermost_pixels(
    corners: tuple[float, float, float, float], input_size: tuple[int, int]
) -> None:
    (region,) = regions([corners], input_size, 1.25)
    matrix = region.matrix(udp=True)
    low, high = region.center - region.size / 2, region.center + region.size / 2
    assert matrix @ [*low, 1] == pytest.approx([0, 0], abs=0.02)
    assert matrix @ [*high, 1] == pytest.approx([input_size[0] - 1, input_size[1] - 1], abs=0.02)


@given(CORNERS, SIZES, st.floats(0, 1), st.floats(0, 1))
def test_to_image_is_the_way_back(
    corners: tuple[float, float, float, float], input_size: tuple[int, int], x: float, y: float
) -> None:
    (region,) = regions([corners], input_size, 1.25)
    points = np.array([[x, y]]) * input_size
    there = region.matrix(udp=False) @ [*region.to_image(points)[0], 1]
    assert there == pytest.approx(points[0], abs=0.02)


def test_points_keep_their_dtype() -> None:
    region = BoxRegion(np.zeros(2, np.float32), np.ones(2, np.float32), (4, 4))
    assert region.to_image(np.zeros((17, 2), np.float32)).dtype == np.float32
    assert region.to_image(np.zeros((17, 2), np.float64)).dtype == np.float64


def test_cut_copies_pixels_and_is_black_outside() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(1, 256, (40, 60, 3), dtype=np.uint8)
    inside = BoxRegion(np.array([30, 20], np.float32), np.array([20, 20], np.float32), (20, 20))
    np.testing.assert_array_equal(inside.cut(image, udp=False), image[10:30, 20:40])
    corner = BoxRegion(np.array([0, 0], np.float32), np.array([20, 20], np.float32), (20, 20))
    seen = corner.cut(image, udp=False)
    assert not seen[:9].any()
    assert not seen[:, :9].any()
    np.testing.assert_array_equal(seen[10:, 10:], image[:10, :10])
