from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.tasks.keypoints.rescoring import pose_scores


def naive(box: np.float32, keypoints: list[np.float32], threshold: float) -> float:
    total, count = np.float32(0), 0
    for score in keypoints:
        if score > np.float32(threshold):
            total, count = np.float32(total + score), count + 1
    mean = np.float32(total / np.float32(max(count, 1)))
    return float(box * mean)


@given(st.integers(0, 10_000))
def test_sums_are_sequential_in_float32(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes, keypoints = rng.random(8, np.float32), rng.random((8, 17), np.float32)
    expected = [naive(box, list(row), 0.2) for box, row in zip(boxes, keypoints, strict=True)]
    assert pose_scores(boxes, keypoints).tolist() == expected


def test_numpys_own_mean_would_differ() -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0.3, 1, (100, 17)).astype(np.float32)
    ones = np.ones(100, np.float32)
    assert (pose_scores(ones, keypoints) != keypoints.mean(axis=1)).any()


def test_the_threshold_is_strict_and_a_pose_without_good_keypoints_scores_0() -> None:
    keypoints = np.full((2, 17), 0.2, np.float32)
    keypoints[1, 5] = 0.3
    assert pose_scores(np.ones(2, np.float32), keypoints).tolist() == [0, np.float32(0.3)]
    assert pose_scores(np.ones(2, np.float32), keypoints, keypoint_threshold=0.1)[0] == pytest.approx(0.2)


def test_other_modes() -> None:
    boxes, keypoints = np.array([0.5], np.float32), np.zeros((1, 17), np.float32)
    keypoints[0, 0] = 0.85
    assert pose_scores(boxes, keypoints, "bbox").tolist() == [0.5]
    assert pose_scores(boxes, keypoints, "keypoint")[0] == pytest.approx(0.05)
    assert pose_scores(boxes, keypoints, "bbox_rle")[0] == pytest.approx(0.5 + 0.05 + 0.85)


@pytest.mark.parametrize("mode", ["bbox_keypoint", "bbox_rle", "bbox", "keypoint"])
def test_no_boxes_have_no_scores(mode: str) -> None:
    assert pose_scores(np.zeros(0, np.float32), np.zeros((0, 17), np.float32), mode).shape == (0,)  # type: ignore[arg-type]
