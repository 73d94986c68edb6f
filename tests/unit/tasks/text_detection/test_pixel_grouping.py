from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.tasks.text_detection.pixel_grouping import group_pixels


def test_the_example_of_mmcv() -> None:
    text = np.zeros((10, 10), np.bool_)
    text[3:7, 1:9] = True
    kernels = np.zeros((10, 10), np.int32)
    kernels[3:7, 2:5] = 1
    kernels[3:7, 8] = 2
    seeds = kernels > 0
    seeds[4:6, 3] = False
    embedding = np.full((8, 10, 10), 10, np.float32)
    embedding[:, :, :7] = 0.9
    labels = group_pixels(text, kernels, seeds, embedding, 0.8)
    expected = np.zeros((10, 10), np.int32)
    expected[3:7, 1:7] = 1
    expected[3:7, 7:9] = 2
    assert np.array_equal(labels, expected)
    assert labels.flags.c_contiguous


def queue(
    text: NDArray[np.bool_],
    kernels: NDArray[np.int32],
    seeds: NDArray[np.bool_],
    embedding: NDArray[np.float32],
    threshold: float,
) -> NDArray[np.int32]:
    """The published order of work, pixel by pixel."""
    labels: NDArray[np.int32] = kernels.copy()
    means = {label: embedding[:, kernels == label].mean(axis=1) for label in np.unique(kernels[kernels > 0])}
    waiting = deque((y, x) for y, x in np.argwhere(seeds & (kernels > 0)).tolist())
    while waiting:
        y, x = waiting.popleft()
        for other in ((y, x - 1), (y, x + 1), (y - 1, x), (y + 1, x)):
            inside = 0 <= other[0] < text.shape[0] and 0 <= other[1] < text.shape[1]
            if inside and text[other] and labels[other] == 0:
                difference = embedding[:, other[0], other[1]] - means[labels[y, x]]
                if np.square(difference).sum() < np.float32(threshold) ** 2:
                    labels[other] = labels[y, x]
                    waiting.append(other)
    return labels


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.1, 4), st.integers(0, 10_000))
def test_waves_give_what_the_queue_gives(height: int, width: int, threshold: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    text = rng.random((height, width)) < 0.8
    kernel = text & (rng.random((height, width)) < 0.25)
    kernels = np.asarray(cv2.connectedComponents(kernel.view(np.uint8), connectivity=4)[1], np.int32)
    seeds = kernel & (rng.random((height, width)) < 0.9)
    # Whole numbers, so that sums in any order are the same.
    embedding = rng.integers(0, 3, (2, height, width)).astype(np.float32)
    labels = group_pixels(text, kernels, seeds, embedding, threshold)
    assert np.array_equal(labels, queue(text, kernels, seeds, embedding, threshold))


def test_a_distance_equal_to_the_threshold_is_too_far() -> None:
    text = np.ones((1, 3), np.bool_)
    kernels = np.array([[1, 0, 0]], np.int32)
    embedding = np.array([[[0, 1, 1]]], np.float32)
    assert group_pixels(text, kernels, kernels > 0, embedding, 1.0).tolist() == [[1, 0, 0]]
    assert group_pixels(text, kernels, kernels > 0, embedding, 1.0001).tolist() == [[1, 1, 1]]


def test_nothing_to_group() -> None:
    nothing = np.zeros((4, 5), np.int32)
    labels = group_pixels(nothing > 0, nothing, nothing > 0, np.zeros((4, 4, 5), np.float32), 1.0)
    assert np.array_equal(labels, nothing)
