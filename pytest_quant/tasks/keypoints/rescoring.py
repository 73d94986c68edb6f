"""The score of a pose from the score of its box and those of its keypoints."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

ScoreMode = Literal["bbox_keypoint", "bbox_rle", "bbox", "keypoint"]

Scores = NDArray[np.float32]


def pose_scores(
    boxes: Scores, keypoints: Scores, mode: ScoreMode = "bbox_keypoint", keypoint_threshold: float = 0.2
) -> Scores:
    """Pose scores as mmpose computes them, in float32 throughout and in its order, on which ties depend.

    Args:
        boxes: Box scores of shape (n,).
        keypoints: Keypoint scores of shape (n, 17).
        mode: ``bbox_keypoint``: box score times the mean of the keypoint scores above the threshold, which is summed
            in the order of the keypoints, or 0 without any. ``bbox_rle``: box score plus mean plus greatest keypoint
            score. ``bbox`` and ``keypoint``: box score, and mean keypoint score.
        keypoint_threshold: Of ``bbox_keypoint``; compared as float32.

    Returns:
        Shape (n,).

    >>> keypoint_scores = np.full((1, 17), 0.1, np.float32)
    >>> keypoint_scores[0, :2] = 0.5, 1.0
    >>> pose_scores(np.array([0.5], np.float32), keypoint_scores)
    array([0.375], dtype=float32)

    """
    if mode == "bbox":
        return boxes
    if mode == "bbox_keypoint":
        return boxes * _mean_above(keypoints, np.float32(keypoint_threshold))
    mean: Scores = keypoints.mean(axis=1)
    best: Scores = keypoints.max(axis=1)
    return mean if mode == "keypoint" else boxes + mean + best


def _mean_above(scores: Scores, threshold: np.float32) -> Scores:
    above = scores > threshold
    total: Scores = np.zeros(len(scores), np.float32)
    for column, counts in zip(scores.T, above.T, strict=True):
        total = np.where(counts, total + column, total)
    mean: Scores = np.divide(total, np.maximum(above.sum(axis=1), 1).astype(np.float32))
    return mean
