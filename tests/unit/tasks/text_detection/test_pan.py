from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_quant.tasks.text_detection.geometry import outline_around, quad_around, to_image
from pytest_quant.tasks.text_detection.options import PostprocessOptions
from pytest_quant.tasks.text_detection.pan import decode_pan
from pytest_quant.tasks.text_detection.parameters import PAN_PROFILES, PanParameters

from .golden import GoldenCase, decoder_cases, geometry_of

GRID = np.array([[x, y] for y in range(3) for x in range(3)], np.int32)
PROFILE_FILES = {"mmocr-0.x": "pan_expected_mmocr_0x.json", "mmocr-1.x": "pan_expected_mmocr_1x.json"}


def parameters_of(profile: str, kwargs: dict[str, Any]) -> PanParameters:
    keys = {"text_repr_type": "poly", **kwargs}
    parameters = PostprocessOptions(decoder="pan", profile=profile, **keys).parameters
    assert isinstance(parameters, PanParameters)
    return parameters


@pytest.mark.parametrize("profile", PROFILE_FILES)
@pytest.mark.parametrize("kind", ["rescaled", "map_coordinates"])
def test_golden_polygons_of_mmocr(profile: str, kind: str) -> None:
    cases = decoder_cases(PROFILE_FILES[profile], "pan_inputs.npz", kind)
    assert len(cases) == 6
    for case in cases:
        parameters = parameters_of(profile, case.kwargs)
        if kind == "map_coordinates":
            parameters = replace(parameters, downsample_ratio=1.0)
        case.check(decode_pan(case.maps, case.geometry, parameters))


def golden_case(name: str) -> GoldenCase:
    cases = decoder_cases("pan_expected_mmocr_1x.json", "pan_inputs.npz", "map_coordinates")
    return next(case for case in cases if case.name == name)


def test_the_two_generations_differ_by_their_thresholds() -> None:
    case = golden_case("icdar2015_quad-0")
    counts = {name: len(decode_pan(case.maps, case.geometry, PAN_PROFILES[name]).polygons) for name in PAN_PROFILES}
    assert counts == {"mmocr-0.x": 4, "mmocr-1.x": 8}


def test_the_smallest_rectangle_of_a_grid() -> None:
    quad = quad_around(GRID)
    assert quad is not None
    assert sorted(map(tuple, quad.round(5).tolist())) == [(0, 0), (0, 2), (2, 0), (2, 2)]
    assert quad_around(GRID, min_width=3) is None
    outline = outline_around(GRID + 5)
    assert outline is not None
    assert sorted(map(tuple, outline.tolist())) == [(5, 5), (5, 7), (7, 5), (7, 7)]


@pytest.mark.parametrize("points", [GRID[:1], GRID[:3], GRID[[0, 4, 8]]])
def test_a_line_of_pixels_is_a_quad_without_width_and_no_polygon(points: Any) -> None:
    quad = quad_around(points)
    assert quad is not None
    assert quad.shape == (4, 2)
    assert outline_around(points) is None


def test_points_of_the_map_are_scaled_without_a_shift() -> None:
    geometry = geometry_of(np.zeros((6, 8, 8), np.float32), (2.0, 4.0))
    assert to_image(np.array([[4, 8], [0, 0]]), geometry, 0.25).tolist() == [[8.0, 8.0], [0.0, 0.0]]


def block_maps(height: int = 40, width: int = 60) -> Any:
    maps = np.full((6, height, width), -8, np.float32)
    maps[2:] = 0
    maps[0, 10:20, 5:45] = 8
    maps[1, 12:18, 8:42] = 8
    return maps


@pytest.mark.parametrize("shape", ["quad", "poly"])
def test_one_block_of_text(shape: Any) -> None:
    maps = block_maps()
    found = decode_pan(maps, geometry_of(maps), replace(PAN_PROFILES["mmocr-0.x"], text_repr_type=shape))
    (polygon,) = found.polygons
    assert polygon.min(axis=0) == pytest.approx([20, 40])
    assert polygon.max(axis=0) == pytest.approx([4 * 44, 4 * 19])
    assert found.scores == pytest.approx([1 / (1 + np.exp(-8))])


def test_areas_and_scores_at_their_limits() -> None:
    maps, limits = block_maps(), replace(PAN_PROFILES["mmocr-0.x"], min_text_area=400)
    assert len(decode_pan(maps, geometry_of(maps), limits).polygons) == 1
    assert not decode_pan(maps, geometry_of(maps), replace(limits, min_text_area=401)).polygons
    score = float(decode_pan(maps, geometry_of(maps), limits).scores[0])
    assert not decode_pan(maps, geometry_of(maps), replace(limits, score_threshold=score)).polygons


def test_an_empty_map_gives_nothing() -> None:
    maps = np.full((6, 8, 8), -9, np.float32)
    found = decode_pan(maps, geometry_of(maps), PAN_PROFILES["mmocr-0.x"])
    assert found.polygons == ()
    assert found.scores.shape == (0,)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(["quad", "poly"]), st.integers(0, 10_000))
def test_any_map_decodes(height: int, width: int, shape: Any, seed: int) -> None:
    maps = np.random.default_rng(seed).normal(0, 5, (6, height, width)).astype(np.float32)
    parameters = replace(PAN_PROFILES["mmocr-1.x"], text_repr_type=shape, min_text_area=1)
    found = decode_pan(maps, geometry_of(maps), parameters)
    assert len(found.polygons) == len(found.scores)
    assert all(len(polygon) >= 4 and np.isfinite(polygon).all() for polygon in found.polygons)
    assert ((found.scores > 0.3) & (found.scores <= 1)).all()
