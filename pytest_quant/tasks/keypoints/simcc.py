"""SimCC vectors to keypoints (Li et al., 2022): a classification over x and one over y, as in mmpose."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.keypoints.heatmap import Points, keep_maxima

Vectors = NDArray[np.float32]
"""Shape (keypoints, bins)."""


def decode_simcc(
    x: Vectors, y: Vectors, split_ratio: float, *, sigma: tuple[float, float] | None = None
) -> tuple[Points, NDArray[np.float32]]:
    """Keypoints in pixels of the net's input, and their scores.

    Args:
        x: Shape (keypoints, input width * split_ratio).
        y: Shape (keypoints, input height * split_ratio).
        split_ratio: Bins per pixel.
        sigma: Of the training labels, in bins, for x and y; with it the maxima are refined as in DARK.

    Returns:
        Coordinates of shape (keypoints, 2), float32, and scores of shape (keypoints,): the lesser of the two maxima.
        A keypoint whose score is not above 0 lies at (-1, -1) / split_ratio, before refinement.

    >>> bins = np.eye(8, dtype=np.float32)
    >>> decode_simcc(bins[:1], bins[3:4], 2.0)
    (array([[0. , 1.5]], dtype=float32), array([1.], dtype=float32))

    """
    points = np.stack([x.argmax(axis=1), y.argmax(axis=1)], axis=1).astype(np.float32)
    scores: NDArray[np.float32] = np.minimum(x.max(axis=1), y.max(axis=1))
    points[scores <= 0] = -1
    if sigma is not None:
        points[:, 0] -= _newton_step(points[:, 0], x, _blur_kernel(sigma[0]))
        points[:, 1] -= _newton_step(points[:, 1], y, _blur_kernel(sigma[1]))
    return points / np.float32(split_ratio), scores


def _blur_kernel(sigma: float) -> int:
    """The odd kernel size whose own sigma comes close to ``sigma``."""
    size = max(1, int((sigma * 20 - 7) // 3))
    return size if size % 2 else size - 1


def _newton_step(places: NDArray[np.float32], vectors: Vectors, kernel: int) -> NDArray[np.float32]:
    smooth = cv2.GaussianBlur(vectors, (kernel, 1), 0, borderType=cv2.BORDER_CONSTANT)
    logs = np.log(np.clip(keep_maxima(vectors, np.asarray(smooth)), np.float32(1e-3), np.float32(50)))
    padded = np.pad(logs, ((0, 0), (2, 2)), mode="edge")
    index = (places + 2.5).astype(np.int64)
    rows = np.arange(len(vectors))

    def at(step: int) -> NDArray[np.float32]:
        values: NDArray[np.float32] = padded[rows, index + step]
        return values

    slope = 0.5 * (at(1) - at(-1))
    curvature = np.float32(1e-9) + 0.25 * (at(2) - 2 * at(0) + at(-2))
    return np.where(curvature != 0, slope / np.where(curvature != 0, curvature, 1), 0).astype(np.float32)
