"""Facts of the COCO person skeleton and of its keypoint evaluation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

KEYPOINTS = 17
"""Nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; of each pair the left one first."""

FLIP_INDICES = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
"""For each keypoint the one on the other side of the body."""

LIMBS = (
    *((0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10)),
    *((5, 11), (6, 12), (11, 12), (11, 13), (12, 14), (13, 15), (14, 16)),
)
"""Which keypoints a picture links."""

SIGMAS: NDArray[np.float64] = (
    np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89], np.float64) / 100 / 10.0
)
"""Standard deviation of human annotators per keypoint, as a share of the square root of the person's area."""

VARIANCES: NDArray[np.float64] = (SIGMAS * 2) ** 2
"""The k^2 of object keypoint similarity, with k twice sigma."""

MAX_DETECTIONS = 20
"""Only so many poses of an image count, those with the highest scores."""

AREA_RANGES = ("all", "medium", "large")
"""The ranges of `AREAS` that persons are counted in: COCO has no keypoints of small ones."""
