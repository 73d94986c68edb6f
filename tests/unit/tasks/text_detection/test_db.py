from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.tasks.text_detection.db import (
    clockwise_from_top_left,
    decode_db,
    grow,
    mean_inside,
    offset_polygon,
)
from pytest_quant.tasks.text_detection.geometry import Geometry, whole_in_image
from pytest_quant.tasks.text_detection.options import PostprocessOptions
from pytest_quant.tasks.text_detection.parameters import DB_PROFILES, DbParameters

from .golden import decoder_cases, geometry_of

NAMES = {"text_repr_type": "box"}
SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])


@pytest.mark.parametrize("kind", ["rescaled", "map_coordinates"])
def test_golden_polygons_of_mmocr(kind: str) -> None:
    cases = decoder_cases("db_expected_mmocr_1x.json", "db_inputs.npz", kind)
    assert len(cases) == 6
    for case in cases:
        changes = {"box": "poly", **{NAMES.get(key, key): value for key, value in case.kwargs.items()}}
        case.check(decode_db(case.maps, case.geometry, replace(DB_PROFILES["mmocr"], **changes)))


def test_the_mean_inside_of_mmocrs_example() -> None:
    grid = np.arange(0, 1, 0.05, dtype=np.float32).reshape(4, 5)
    assert mean_inside(grid, np.array([[0, 0], [0, 1], [1, 1], [1, 0]])) == pytest.approx(0.15)


@pytest.mark.parametrize("box", ["quad", "poly"])
def test_the_map_of_mmocrs_example(box: Any) -> None:
    probability = np.zeros((5, 5), np.float32)
    probability[:, :4] = 0.8
    found = decode_db(probability, geometry_of(probability), replace(DB_PROFILES["mmocr"], box=box, min_size=0))
    (polygon,) = found.polygons
    assert (polygon.min(axis=0).tolist(), polygon.max(axis=0).tolist()) == ([-1, -1], [4, 5])
    assert found.scores == pytest.approx([0.8])


def test_the_offsets_of_mmocrs_example() -> None:
    (octagon,) = offset_polygon(SQUARE, 1)
    corners = {(2, 0), (2, 1), (1, 2), (0, 2), (-1, 1), (-1, 0), (0, -1), (1, -1)}
    assert set(map(tuple, octagon.tolist())) == corners
    assert offset_polygon(SQUARE, -10) == []
    assert offset_polygon(np.array([[0, 0], [0, 3], [1, 2], [2, 3], [2, 0], [1, 1]]), -1) == []


def test_a_polygon_without_extent_does_not_grow() -> None:
    assert grow(np.zeros((4, 2), np.int32), 1.5) == []


@pytest.mark.parametrize("turn", range(4))
def test_corners_in_reading_order(turn: int) -> None:
    quad = np.array([[1, 0], [9, 1], [8, 5], [0, 4]], np.float32)
    assert clockwise_from_top_left(np.roll(quad, turn, axis=0)).tolist() == quad.tolist()
    assert clockwise_from_top_left(np.roll(quad[::-1], turn, axis=0)).tolist() == quad.tolist()


def block(height: int = 60, width: int = 100) -> NDArray[np.float32]:
    probability = np.zeros((height, width), np.float32)
    probability[20:31, 10:61] = 0.9
    return probability


def published(profile: str, **keys: Any) -> DbParameters:
    parameters = PostprocessOptions(decoder="db", profile=profile, **keys).parameters
    assert isinstance(parameters, DbParameters)
    return parameters


@pytest.mark.parametrize(("profile", "ratio"), [("original", 1.5), ("paddle", 2.0)])
def test_the_quads_of_the_original(profile: str, ratio: float) -> None:
    probability = block()
    # The map is twice as wide as the image and as high.
    geometry = Geometry((2.0, 1.0), (50, 60), (100, 60))
    (quad,) = decode_db(probability, geometry, published(profile)).polygons
    distance = round(50 * 10 * ratio / 120)
    left, right = (10 - distance) / 2, (60 + distance) / 2
    top, bottom = 20 - distance, 30 + distance
    expected = [[left, top], [right, top], [right, bottom], [left, bottom]]
    assert np.abs(quad - expected).max() <= 1
    assert (quad == np.round(quad)).all()


def test_the_originals_points_stay_in_the_image() -> None:
    probability = np.full((40, 40), 0.9, np.float32)
    (quad,) = decode_db(probability, Geometry((1.0, 1.0), (38, 36), (40, 40)), published("original")).polygons
    assert quad.tolist() == [[0, 0], [38, 0], [38, 36], [0, 36]]


@pytest.mark.parametrize("profile", ["original", "paddle"])
def test_the_polygons_of_the_original(profile: str) -> None:
    probability = block()
    (polygon,) = decode_db(probability, geometry_of(probability), published(profile, box="poly")).polygons
    distance = 50 * 10 * 2.0 / 120
    assert polygon.min(axis=0) == pytest.approx([10 - distance, 20 - distance], abs=1)
    assert polygon.max(axis=0) == pytest.approx([60 + distance, 30 + distance], abs=1)


@pytest.mark.parametrize("box", ["quad", "poly"])
@pytest.mark.parametrize("profile", list(DB_PROFILES))
def test_scores_below_the_box_threshold_are_dropped(profile: str, box: str) -> None:
    probability = block() * np.float32(0.5)
    geometry = geometry_of(probability)
    assert decode_db(probability, geometry, published(profile, box=box, box_threshold=0.4)).polygons
    assert not decode_db(probability, geometry, published(profile, box=box, box_threshold=0.5)).polygons
    assert not decode_db(probability, geometry, published(profile, box=box, mask_threshold=0.5)).polygons


def spots(count: int) -> NDArray[np.float32]:
    probability = np.zeros((20, 20 * count), np.float32)
    for index in range(count):
        probability[5:15, 20 * index + 5 : 20 * index + 15] = 0.9
    return probability


@pytest.mark.parametrize(("profile", "looked_at"), [("mmocr", 3), ("original", 2), ("paddle", 2)])
@pytest.mark.parametrize("box", ["quad", "poly"])
def test_mmocr_looks_at_one_candidate_more(profile: str, looked_at: int, box: str) -> None:
    probability = spots(5)
    found = decode_db(probability, geometry_of(probability), published(profile, box=box, max_candidates=2))
    assert len(found.polygons) == looked_at


@pytest.mark.parametrize(("profile", "kept"), [("mmocr", 13), ("original", 9), ("paddle", 9)])
def test_small_quads_are_dropped(profile: str, kept: int) -> None:
    """10 pixels wide and high is 9 from centre to centre, and grows by 2.25 px cut to whole ones on each side."""
    probability = spots(1)
    sizes = [
        size
        for size in range(1, 20)
        if decode_db(
            probability, geometry_of(probability), published(profile, min_size=size, unclip_ratio=1.0)
        ).polygons
    ]
    assert max(sizes) == kept


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 30), st.integers(1, 30), st.sampled_from(sorted(DB_PROFILES)), st.sampled_from(["quad", "poly"]),
    st.integers(0, 10_000),
)  # fmt: skip
def test_any_map_decodes(height: int, width: int, profile: str, box: str, seed: int) -> None:
    probability = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    found = decode_db(probability, geometry_of(probability), published(profile, box=box, box_threshold=0.1, min_size=0))
    assert len(found.polygons) == len(found.scores)
    assert all(len(polygon) >= 3 and np.isfinite(polygon).all() for polygon in found.polygons)
    assert ((found.scores >= 0.1) & (found.scores <= 1)).all()


@pytest.mark.parametrize(("map_side", "image_side"), [(320, 800), (736, 720), (640, 1280), (960, 1000), (32, 33)])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_exact_halves_go_where_the_reference_puts_them(map_side: int, image_side: int, dtype: type) -> None:
    """`x / width * dest_width`, in float32 for the corners of boxes and in float64 for polygons."""
    points: NDArray[Any] = np.repeat(np.arange(map_side + 1, dtype=dtype)[:, None], 2, axis=1)
    geometry = Geometry((map_side / image_side,) * 2, (image_side, image_side), (map_side, map_side))
    box = points.copy() if dtype is np.float32 else points.astype(np.float64)
    expected = np.clip(np.round(box[:, 0] / map_side * image_side), 0, image_side)
    assert whole_in_image(points, geometry)[:, 0].tolist() == expected.tolist()
