"""Seconds of a core that the text decoders take for maps of full size that hold nothing but noise.

    python -m benchmarks.decoders_on_noise

What a broken int8 net gives: logits of deviation 3, in grains of so many pixels; of TextSnake also radii of about zero,
with which the published decoder takes for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.text_detection.geometry import Geometry
from pytest_quant.tasks.text_detection.pan import decode_pan
from pytest_quant.tasks.text_detection.parameters import PAN_PROFILES, TEXTSNAKE_PROFILES
from pytest_quant.tasks.text_detection.prediction import TextPrediction
from pytest_quant.tasks.text_detection.textsnake import decode_textsnake

WIDTH, HEIGHT = 1312, 736
GEOMETRY = Geometry((1.021875, 1.0222222), (1280, 720), (WIDTH, HEIGHT))
GRAINS_PX = (1, 2, 4, 16, 64)
RADII = (0.0, 1e-3, 1.0, 8.0)
"""Deviation of the radii from zero."""

Maps = NDArray[np.float32]


def noise(channels: int, height: int, width: int, grain: int, deviation: float, seed: int = 0) -> Maps:
    """Smooth noise; shape (channels, height, width)."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, deviation, (channels, height // grain + 2, width // grain + 2)).astype(np.float32)
    planes = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in coarse]
    return np.stack(planes if grain > 1 else [plane[:height, :width] for plane in coarse])


def report(name: str, decode: Callable[[], TextPrediction]) -> None:
    """Decode once and print."""
    start = time.thread_time()
    found = decode()
    elapsed_s = time.thread_time() - start
    print(f"{name:40} {elapsed_s:7.2f} s {len(found.polygons):5} instances {found.capped_points:7} capped", flush=True)


def main() -> None:
    cv2.setNumThreads(1)
    for grain in GRAINS_PX:
        for profile, parameters in PAN_PROFILES.items():
            maps = noise(6, HEIGHT // 4, WIDTH // 4, grain, 3.0)
            report(f"pan {profile}, grain {grain}", partial(decode_pan, maps, GEOMETRY, parameters))
    snake = TEXTSNAKE_PROFILES["mmocr-0.x"]
    for grain in GRAINS_PX:
        for radius in RADII:
            maps = noise(5, HEIGHT, WIDTH, grain, 3.0)
            maps[4] = noise(1, HEIGHT, WIDTH, grain, radius, seed=1)[0]
            report(f"textsnake, grain {grain}, radii {radius:g}", partial(decode_textsnake, maps, GEOMETRY, snake))


if __name__ == "__main__":
    main()
