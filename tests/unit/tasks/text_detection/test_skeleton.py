"""The skeleton against scikit-image, whose pixels the published decoder walks along."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.morphology import skeletonize as skeletonize_of_scikit_image

from pytest_quant.tasks.text_detection.skeleton import skeletonize


def _noise(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = rng.random(shape) < rng.choice([0.3, 0.5, 0.7, 0.9, 0.97])
    return mask


def _blobs(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    smooth = cv2.GaussianBlur(rng.random(shape), (0, 0), float(rng.uniform(1, 5)))
    return np.asarray(smooth > 0.5, np.bool_)


def _ellipses(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, np.uint8)
    for _ in range(4):
        center, axes = rng.integers(0, 90, 2).tolist(), rng.integers(1, 40, 2).tolist()
        cv2.ellipse(mask, center, axes, float(rng.uniform(0, 180)), 0, 360, (1,), -1)
    return mask.view(np.bool_)


@pytest.mark.parametrize("draw", [_noise, _blobs, _ellipses])
def test_the_pixels_are_those_of_scikit_image(draw) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(7)
    for _ in range(150):
        height, width = rng.integers(1, 90, 2).tolist()
        mask = draw(rng, (height, width))
        expected = skeletonize_of_scikit_image(mask)  # type: ignore[no-untyped-call]
        np.testing.assert_array_equal(skeletonize(mask), expected)


def test_the_mask_is_left_as_it_was() -> None:
    mask = np.ones((5, 9), np.bool_)
    skeletonize(mask)
    assert mask.all()
