from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.tasks.keypoints.simcc import decode_simcc

from .test_heatmap import EXPECTED, INPUTS, golden_region


@pytest.mark.parametrize("name", ["simcc_sigma6", "simcc_rtm", "simcc_rtm_dark"])
def test_golden_decodes_of_mmpose(name: str) -> None:
    codec, expected = EXPECTED[name]["codec"], EXPECTED[name]["cases"][0]
    sigma = (codec["sigma"][0], codec["sigma"][1]) if codec.get("use_dark") else None
    points, scores = decode_simcc(INPUTS["simcc_x"][0], INPUTS["simcc_y"][0], codec["simcc_split_ratio"], sigma=sigma)
    np.testing.assert_allclose(points, expected["keypoints"], rtol=0, atol=1e-5)
    assert scores.tolist() == expected["scores"]
    np.testing.assert_allclose(golden_region().to_image(points), expected["keypoints_image"], rtol=0, atol=1e-5)


def test_the_score_is_the_lesser_maximum_and_none_above_0_is_nowhere() -> None:
    x, y = np.zeros((2, 6), np.float32), np.zeros((2, 8), np.float32)
    x[0, 4], y[0, 3] = 0.5, 0.75
    x[1, 2] = 1
    points, scores = decode_simcc(x, y, 2.0)
    assert points.tolist() == [[2, 1.5], [-0.5, -0.5]]
    assert scores.tolist() == [0.5, 0]


@pytest.mark.parametrize("value", [0, -1, 1])
def test_flat_vectors_give_finite_points_without_warnings(value: float) -> None:
    x, y = np.full((17, 96), value, np.float32), np.full((17, 128), value, np.float32)
    points, _ = decode_simcc(x, y, 2.0, sigma=(4.9, 5.66))
    assert np.isfinite(points).all()


@given(st.floats(20, 364))
def test_dark_finds_the_centre_of_a_gaussian(center: float) -> None:
    bins = np.exp(-((np.arange(384) - center) ** 2) / (2 * 4.9**2)).astype(np.float32)[np.newaxis]
    plain, _ = decode_simcc(bins, bins, 2.0)
    refined, _ = decode_simcc(bins, bins, 2.0, sigma=(4.9, 4.9))
    assert abs(plain[0, 0] * 2 - center) <= 0.51
    assert abs(refined[0, 0] * 2 - center) <= 0.05
