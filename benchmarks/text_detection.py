"""Seconds per image of each text decoder and of hmean at the real size, next to the forward pass of a net.

The maps are synthetic, for an input of 1312x736, with 30 to 100 instances of text. OpenCV has one thread, as it has in
an evaluation. The second column is for two Python threads at once, per image: half of the first where a decoder lets go
of the GIL all the time. Each figure is that of the fastest round.

    python benchmarks/text_detection.py [--instances 30 50 100] [--rounds N] [--net PARAM BIN]

``--net`` times the forward pass of an ncnn net with one input of 3 channels on the same input, with one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import ncnn
import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.text_detection.counts import count_image
from pytest_quant.tasks.text_detection.db import decode_db
from pytest_quant.tasks.text_detection.geometry import Geometry
from pytest_quant.tasks.text_detection.pan import decode_pan
from pytest_quant.tasks.text_detection.parameters import DB_PROFILES, PAN_PROFILES, TEXTSNAKE_PROFILES
from pytest_quant.tasks.text_detection.profiles import PROFILES
from pytest_quant.tasks.text_detection.textsnake import decode_textsnake

WIDTH, HEIGHT = 1312, 736
GEOMETRY = Geometry((1.021875, 1.0222222), (1280, 720), (WIDTH, HEIGHT))
LOGIT = 6.0
EMBEDDING = 4

Maps = NDArray[np.float32]
Band = tuple[NDArray[np.float64], float]
"""Middle line, shape (points, 2) in pixels of the input, and half the height of the text."""


def bands(count: int, rng: np.random.Generator) -> list[Band]:
    """Gently curved lines of text, one in each cell of a grid."""
    columns = int(np.ceil(np.sqrt(count * 0.6)))
    rows = int(np.ceil(count / columns))
    cell = np.array([WIDTH / columns, HEIGHT / rows])
    found = []
    for index in range(count):
        corner = cell * [index % columns, index // columns]
        x = np.linspace(0.1, 0.9, 30) * cell[0]
        bend = 0.12 * cell[1] * np.sin(np.linspace(0, np.pi, 30) * rng.uniform(0.5, 1.5))
        line = np.stack([x, 0.5 * cell[1] + bend], axis=1) + corner
        found.append((line, min(0.25 * cell[1], rng.uniform(9, 20))))
    return found


def outline(band: Band, shrink: float = 1.0) -> NDArray[np.float64]:
    line, half = band
    lift = np.array([0.0, half * shrink])
    return np.concatenate([line - lift, (line + lift)[::-1]])


def filled(shapes: Sequence[NDArray[np.float64]], ratio: float = 1.0) -> NDArray[np.int32]:
    """0, or the number of the shape from 1."""
    labels = np.zeros((round(HEIGHT * ratio), round(WIDTH * ratio)), np.int32)
    for number, shape in enumerate(shapes, start=1):
        cv2.fillPoly(labels, [np.round(shape * ratio).astype(np.int32)], number)
    return labels


def logits(mask: NDArray[np.bool_], rng: np.random.Generator) -> Maps:
    return (np.where(mask, LOGIT, -LOGIT) + rng.normal(0, 1, mask.shape)).astype(np.float32)


def pan_maps(texts: Sequence[Band], rng: np.random.Generator) -> Maps:
    text, kernel = (filled([outline(band, shrink) for band in texts], 0.25) for shrink in (1.0, 0.5))
    vectors = np.concatenate([np.zeros((1, EMBEDDING)), rng.normal(0, 2, (len(texts), EMBEDDING))])
    embedding = vectors[text].transpose(2, 0, 1) + rng.normal(0, 0.1, (EMBEDDING, *text.shape))
    return np.concatenate([[logits(text > 0, rng), logits(kernel > 0, rng)], embedding]).astype(np.float32)


def textsnake_maps(texts: Sequence[Band], rng: np.random.Generator) -> Maps:
    text, center = (filled([outline(band, shrink) for band in texts]) for shrink in (1.0, 0.3))
    radii = np.array([0.0, *(half for _, half in texts)])
    sine = rng.normal(0, 0.05, text.shape)
    radius = radii[text] + rng.normal(0, 0.3, text.shape)
    maps = [logits(text > 0, rng), logits(center > 0, rng), sine, np.sqrt(1 - np.minimum(sine**2, 1)), radius]
    return np.array(maps, np.float32)


def db_map(texts: Sequence[Band], rng: np.random.Generator) -> Maps:
    shrunk = filled([outline(band, 0.5) for band in texts])
    noisy = np.where(shrunk > 0, 0.9, 0.02) + rng.normal(0, 0.02, shrunk.shape)
    return np.asarray(cv2.GaussianBlur(noisy.clip(0, 1).astype(np.float32), (5, 5), 0), np.float32)


def per_image_s(work: Callable[[], object], rounds: int, threads: int) -> float:
    """Seconds per image of the fastest round, ``threads`` images at once."""
    times = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds + 1):
            start = time.perf_counter()
            list(pool.map(lambda _: work(), range(threads)))
            times.append((time.perf_counter() - start) / threads)
    return min(times[1:])


def works(count: int, seed: int) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(seed)
    texts = bands(count, rng)
    pan, snake, db = pan_maps(texts, rng), textsnake_maps(texts, rng), db_map(texts, rng)
    truth = [outline(band) for band in texts]
    found = decode_textsnake(
        snake, Geometry((1.0, 1.0), (WIDTH, HEIGHT), (WIDTH, HEIGHT)), TEXTSNAKE_PROFILES["mmocr-1.x"]
    )
    ignored = rng.random(count) < 0.3
    return {
        "pan": lambda: decode_pan(pan, GEOMETRY, PAN_PROFILES["mmocr-0.x"]),
        "textsnake": lambda: decode_textsnake(snake, GEOMETRY, TEXTSNAKE_PROFILES["mmocr-0.x"]),
        "db": lambda: decode_db(db, GEOMETRY, DB_PROFILES["mmocr"]),
        "hmean": lambda: count_image(found.polygons, found.scores, truth, ignored, PROFILES["mmocr-0.x"]),
    }


def forward(param: Path, binary: Path) -> Callable[[], object]:
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.load_param(str(param))
    net.load_model(str(binary))
    (name,), output = net.input_names(), net.output_names()[-1]
    image = np.random.default_rng(0).normal(0, 1, (3, HEIGHT, WIDTH)).astype(np.float32)

    def run() -> object:
        with net.create_extractor() as extractor:
            extractor.input(name, ncnn.Mat(image))
            return extractor.extract(output)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, nargs="+", default=[30, 50, 100])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--net", type=Path, nargs=2, metavar=("PARAM", "BIN"))
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{'':22}{'1 thread':>12}{'2 threads':>12}   ms per image")
    for count in arguments.instances:
        for name, work in works(count, seed=count).items():
            row = [1000 * per_image_s(work, arguments.rounds, threads) for threads in (1, 2)]
            print(f"{name + f', {count} instances':22}{row[0]:12.1f}{row[1]:12.1f}")
    if arguments.net:
        row = [1000 * per_image_s(forward(*arguments.net), max(3, arguments.rounds // 3), 1)]
        print(f"{'forward pass':22}{row[0]:12.1f}")


if __name__ == "__main__":
    main()
