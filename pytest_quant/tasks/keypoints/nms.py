"""Non-maximum suppression of poses by object keypoint similarity (OKS), hard and soft, as in mmpose."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.keypoints.coco import MAX_DETECTIONS, VARIANCES

Floats = NDArray[np.floating]
Indices = NDArray[np.int64]


def pose_similarity(first: Floats, second: Floats, areas: Floats) -> NDArray[np.float32]:
    """OKS between poses, over all keypoints.

    Args:
        first: Coordinates of shape (..., 17, 2), in pixels.
        second: A shape that broadcasts with ``first``.
        areas: Of the persons, in square pixels, of the shape that ``first`` and ``second`` have together without the
            last two axes; mmpose takes the mean over both poses of the padded box with the net's ratio.

    Returns:
        From 0 to 1, in the shape of ``areas``.

    >>> pose = np.zeros((17, 2), np.float32)
    >>> pose_similarity(pose[np.newaxis], pose[np.newaxis], np.array([100.0]))
    array([1.], dtype=float32)

    """
    offsets = first - second
    squares = offsets[..., 0] ** 2 + offsets[..., 1] ** 2
    exponents = squares / VARIANCES / (areas[..., np.newaxis] + np.spacing(1)) / 2
    similarity: NDArray[np.float64] = np.exp(-exponents).sum(axis=-1) / len(VARIANCES)
    return similarity.astype(np.float32)


def similarity_matrix(poses: Floats, areas: Floats) -> NDArray[np.float32]:
    """OKS of each pose with each, shape (n, n), at the mean of both areas; for the arguments see `oks_nms`."""
    return pose_similarity(poses, poses[:, np.newaxis], (areas[:, np.newaxis] + areas) / 2)


def oks_nms(poses: Floats, scores: Floats, areas: Floats, threshold: float) -> Indices:
    """Indices of the poses that stay, by falling score: each has an OKS of at most ``threshold`` with every better one.

    Args:
        poses: Coordinates of shape (n, 17, 2).
        scores: Shape (n,). Of equal scores the later pose goes first.
        areas: Shape (n,), in square pixels; see `pose_similarity`.
        threshold: From 0 to 1.

    """
    apart = similarity_matrix(poses, areas) <= threshold
    order = _falling(scores)
    kept = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[apart[best, order]]
    return np.array(kept, np.int64)


def soft_oks_nms(
    poses: Floats, scores: Floats, areas: Floats, threshold: float, max_kept: int = MAX_DETECTIONS
) -> Indices:
    """Indices of the ``max_kept`` best poses, when each choice lowers the scores of those still to choose from.

    A score is multiplied by ``exp(-OKS**2 / threshold)``. The lowered scores decide on the order only: mmpose reports
    the original ones. For the arguments see `oks_nms`.
    """
    factors = np.exp(-(similarity_matrix(poses, areas) ** 2) / threshold)
    order = _falling(scores)
    lowered = scores[order]
    kept: list[np.int64] = []
    while order.size and len(kept) < max_kept:
        best, order = order[0], order[1:]
        kept.append(best)
        lowered = lowered[1:] * factors[best, order]
        again = _falling(lowered)
        order, lowered = order[again], lowered[again]
    return np.array(kept, np.int64)


Suppress = Callable[[Floats, Floats, Floats], Indices]
"""Poses (n, 17, 2), scores (n,) and areas (n,) to the indices of those that stay."""


def suppression(kind: str, threshold: float) -> Suppress:
    """The suppression of that name: ``oks``, ``soft`` or ``none``."""
    if kind == "none":
        return _keep_all
    return partial({"oks": oks_nms, "soft": soft_oks_nms}[kind], threshold=threshold)


def _keep_all(poses: Floats, scores: Floats, areas: Floats) -> Indices:
    return np.arange(len(scores))


def _falling(scores: Floats) -> Indices:
    """Order by falling score, equal ones by falling index: what a reversed sort gives, here the same everywhere."""
    return np.argsort(scores, kind="stable")[::-1]
