from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.tasks.keypoints.geometry import BoxRegion
from pytest_quant.tasks.keypoints.heatmap import Profile, Refine, decode_heatmaps, maxima

from .scenes import GOLDEN

EXPECTED = json.loads((GOLDEN / "decode_expected_mmpose_1x.json").read_text())["decode"]
INPUTS = np.load(GOLDEN / "decode_inputs.npz")
REFINEMENTS: tuple[Refine, ...] = ("shift", "dark", "udp", "none")


def golden_region() -> BoxRegion:
    return BoxRegion(INPUTS["input_center"][0], INPUTS["input_scale_192x256"][0], (192, 256))


@pytest.mark.parametrize(("codec", "refine"), [("msra_shift", "shift"), ("msra_dark", "dark"), ("udp", "udp")])
def test_golden_decodes_of_mmpose(codec: str, refine: Refine) -> None:
    expected: dict[str, Any] = EXPECTED[f"hm_64x48|{codec}"]["cases"][0]
    points, scores = decode_heatmaps(INPUTS["hm_64x48"][0], (192, 256), refine=refine)
    np.testing.assert_allclose(points, expected["keypoints"], rtol=0, atol=1e-5)
    assert scores.tolist() == expected["scores"]
    assert str(points.dtype) == expected["dtype"][0]
    np.testing.assert_allclose(golden_region().to_image(points), expected["keypoints_image"], rtol=0, atol=1e-5)


def peak(x: int, y: int, size: tuple[int, int] = (64, 64)) -> NDArray[np.float32]:
    """One map of ones with a 2, flat elsewhere."""
    heatmap = np.ones((1, size[1], size[0]), np.float32)
    heatmap[0, y, x] = 2
    return heatmap


def test_mmposes_own_examples() -> None:
    points, scores = decode_heatmaps(peak(31, 31), (256, 256))
    square = np.array([64, 64], np.float32)
    center = np.array([127, 127], np.float32)
    assert BoxRegion(center, square, (256, 256)).to_image(points).tolist() == [[126, 126]]
    assert scores.tolist() == [2]
    points, _ = decode_heatmaps(peak(31, 31), (256, 256), refine="udp", profile="mmpose-0.x")
    placed = BoxRegion(center, square * 100, (256, 256)).to_image(points)
    np.testing.assert_allclose(placed, [[76, 76]], atol=0.5)


def slope(x: int, y: int) -> NDArray[np.float32]:
    """A map of 8 by 8 that rises to the right and downwards, and a peak at (x, y)."""
    rising: NDArray[np.float32] = np.add.outer(np.arange(8), np.arange(8)).astype(np.float32)[np.newaxis]
    rising[0, y, x] = 100
    return rising


@pytest.mark.parametrize(
    ("x", "y", "new", "old"),
    [
        (3, 3, (0.25, 0.25), (0.25, 0.25)),
        (1, 3, (0, 0.25), (0, 0)),  # column 1 counts as border
        (3, 1, (0.25, 0), (0, 0)),
        (7, 3, (0, 0.25), (0, 0)),  # the last column
        (3, 7, (0.25, 0), (0, 0)),
        (0, 3, (0, 0), (0, 0)),
        (3, 0, (0, 0), (0, 0)),
        (6, 6, (0.25, 0.25), (0.25, 0.25)),
        (1, 1, (0, 0), (0, 0)),
    ],
)
def test_border_rule_of_both_generations(x: int, y: int, new: tuple[float, float], old: tuple[float, float]) -> None:
    profiles: list[tuple[Profile, tuple[float, float]]] = [("mmpose-1.x", new), ("mmpose-0.x", old)]
    for profile, offset in profiles:
        points, _ = decode_heatmaps(slope(x, y), (8, 8), profile=profile)
        assert points.tolist() == [[x + offset[0], y + offset[1]]]


def test_the_first_of_equal_maxima_counts_and_none_above_0_is_nowhere() -> None:
    maps = np.zeros((3, 4, 5), np.float32)
    maps[0, 2, 1] = maps[0, 2, 3] = maps[0, 3, 0] = 0.5
    maps[2] = -1
    points, scores = maxima(maps)
    assert points.tolist() == [[1, 2], [-1, -1], [-1, -1]]
    assert scores.tolist() == [0.5, 0, -1]


@pytest.mark.parametrize("refine", REFINEMENTS)
@pytest.mark.parametrize("profile", ["mmpose-1.x", "mmpose-0.x"])
@pytest.mark.parametrize("value", [0, -1, 1, 1e-12, 1e6])
def test_flat_maps_give_finite_points_without_warnings(refine: Refine, profile: Profile, value: float) -> None:
    points, scores = decode_heatmaps(np.full((17, 16, 12), value, np.float32), (48, 64), refine=refine, profile=profile)
    assert np.isfinite(points).all()
    assert (scores == np.float32(value)).all()


def gaussian(x: float, y: float, sigma: float = 2.0) -> NDArray[np.float32]:
    columns, rows = np.arange(48) - x, np.arange(64) - y
    return np.exp(-(columns**2 + rows[:, np.newaxis] ** 2) / (2 * sigma**2)).astype(np.float32)[np.newaxis]


@given(st.floats(8, 39), st.floats(8, 55))
def test_refinement_finds_the_centre_of_a_gaussian(x: float, y: float) -> None:
    heatmap = gaussian(x, y)
    for refine, reach in (("none", 0.51), ("shift", 0.26), ("dark", 0.05)):
        points, _ = decode_heatmaps(heatmap, (192, 256), refine=refine)  # type: ignore[arg-type]
        assert np.abs(points[0] / 4 - (x, y)).max() <= reach
    points, _ = decode_heatmaps(heatmap, (192, 256), refine="udp")
    assert np.abs(points[0] * (47 / 192, 63 / 256) - (x, y)).max() <= 0.05


@given(st.integers(0, 47), st.integers(0, 63), st.sampled_from(REFINEMENTS))
def test_each_map_is_decoded_by_itself(x: int, y: int, refine: Refine) -> None:
    rng = np.random.default_rng(x + 64 * y)
    maps = rng.random((5, 64, 48), np.float32)
    maps[:, y, x] += 1
    together, _ = decode_heatmaps(maps, (192, 256), refine=refine)
    alone = [decode_heatmaps(maps[k : k + 1], (192, 256), refine=refine)[0][0] for k in range(5)]
    np.testing.assert_array_equal(together, alone)
