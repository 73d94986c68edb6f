from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.tasks.keypoints.nms import oks_nms, similarity_matrix, soft_oks_nms, suppression

from .scenes import GOLDEN

CASES = json.loads((GOLDEN / "nms_cases_mmpose.json").read_text())["cases"]
KEYS = ("oks_nms_0.5", "oks_nms_0.75", "oks_nms_0.9")
SOFT_KEYS = ("soft_oks_nms_0.5_max20", "soft_oks_nms_0.9_max20", "soft_oks_nms_0.9_max5")


def arrays(case: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    return np.array(case["keypoints"])[:, :, :2], np.array(case["scores"]), np.array(case["areas"])


def kept_in(case: dict[str, Any], key: str) -> list[int]:
    poses, scores, areas = arrays(case)
    parts = key.removeprefix("soft_").split("_")
    if key.startswith("soft"):
        kept = soft_oks_nms(poses, scores, areas, float(parts[2]), int(parts[3].removeprefix("max")))
    else:
        kept = oks_nms(poses, scores, areas, float(parts[2]))
    return [int(index) for index in kept]


@pytest.mark.parametrize("key", KEYS + SOFT_KEYS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_golden_cases_of_mmpose(case: dict[str, Any], key: str) -> None:
    kept, expected = kept_in(case, key), case["expected"][key]
    if case["ties"] and kept != expected:  # NumPy's quick sort, which mmpose uses, orders ties by the machine
        scores = case["scores"]
        assert [scores[index] for index in kept] == [scores[index] for index in expected]
    else:
        assert kept == expected


def test_ties_were_excused_once_only() -> None:
    different = {
        (case["id"], key) for case in CASES for key in KEYS + SOFT_KEYS if kept_in(case, key) != case["expected"][key]
    }
    assert different <= {(3, key) for key in KEYS}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_golden_similarity_of_mmpose(case: dict[str, Any]) -> None:
    poses, _, areas = arrays(case)
    assert similarity_matrix(poses, areas)[0].tolist() == case["oks_iou_row0"]


def test_mmposes_own_example() -> None:
    poses = np.stack([np.full((17, 2), 10.0), np.full((17, 2), 10.0), np.full((17, 2), 100.0)])
    scores, areas = np.array([0.9, 0.4, 0.7]), np.full(3, 100.0)
    assert oks_nms(poses, scores, areas, 0.9).tolist() == [0, 2]
    assert soft_oks_nms(poses, scores, areas, 0.9).tolist() == [0, 2, 1]
    assert suppression("none", 0.9)(poses, scores, areas).tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", ["oks", "soft", "none"])
def test_no_poses_are_no_poses(kind: str) -> None:
    empty = np.zeros((0, 17, 2), np.float32)
    assert suppression(kind, 0.9)(empty, np.zeros(0, np.float32), np.zeros(0, np.float32)).size == 0


@given(st.integers(0, 10_000), st.integers(1, 30), st.floats(0.05, 0.95))
def test_what_stays_is_apart_and_what_goes_is_close_to_something_better(
    seed: int, count: int, threshold: float
) -> None:
    rng = np.random.default_rng(seed)
    poses = rng.normal(0, 30, (1, 17, 2)) + rng.normal(0, 5, (count, 17, 2)) * rng.exponential(1, (count, 1, 1))
    scores, areas = rng.random(count).round(1), rng.uniform(500, 5000, count)
    kept = oks_nms(poses, scores, areas, threshold).tolist()
    close = similarity_matrix(poses, areas) > threshold
    assert not any(close[one, other] for one in kept for other in kept if one != other)
    for gone in set(range(count)).difference(kept):
        assert any(close[gone, better] and scores[better] >= scores[gone] for better in kept)
    assert scores[kept].tolist() == sorted(scores[kept], reverse=True)


@given(st.integers(0, 10_000), st.integers(1, 30))
def test_soft_suppression_keeps_the_best_first_and_at_most_so_many(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    poses, scores = rng.normal(0, 5, (count, 17, 2)), rng.random(count)
    areas = rng.uniform(500, 5000, count)
    kept = soft_oks_nms(poses, scores, areas, 0.9).tolist()
    assert len(kept) == len(set(kept)) == min(count, 20)
    assert kept[0] == scores.argmax()
