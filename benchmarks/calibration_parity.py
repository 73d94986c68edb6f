"""How close `pytest_quant.quantize` comes to ncnn2table, on real models whose tables that tool made.

    python benchmarks/calibration_parity.py ../shared

The folder holds ``models/`` and ``data/``. Printed per table: entries whose printed digits are equal, and the largest
relative difference. What remains has other causes than the method: the tool's own kernels and, for JPEG files, its own
decoder.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import ncnn
import numpy as np
from numpy.typing import NDArray

from pytest_quant.evaluation.engine.engine import private_engine
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files import Table, read_table
from pytest_quant.quantize.calibration import Method, calibrate

# The command line of the tool took 8 digits.
_IMAGENET = ((123.675, 116.28, 103.53), (0.01712475, 0.01750700, 0.01742919))


_SQUEEZENET: tuple[tuple[str, Method], ...] = (("squeezenet", "kl"), ("squeezenet.aciq", "aciq"))


@dataclass(frozen=True)
class Case:
    """One table: the network, its calibration images and how they were prepared."""

    model: str
    table: str
    images: str
    size: tuple[int, int]
    rgb: bool
    mean: tuple[float, float, float]
    norm: tuple[float, float, float]
    method: Method


CASES = (
    Case("resnet20-cifar10/resnet20", "resnet20", "cifar10/calibration", (32, 32), True, *_IMAGENET, "kl"),
    Case("simplepose-coco/simplepose", "simplepose", "coco-pose/calibration", (192, 256), True, *_IMAGENET, "kl"),
    *(
        Case(
            "squeezenet_v1.1-imagenet/squeezenet",
            table,
            "imagenet-sample/calibration",
            (227, 227),
            False,
            (104, 117, 123),
            (1, 1, 1),
            method,
        )
        for table, method in _SQUEEZENET
    ),
)


def prepared(case: Case, folder: Path) -> Iterator[NDArray[np.float32]]:
    for path in sorted(folder.iterdir()):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        assert image is not None, path
        pixel = ncnn.Mat.PixelType
        order = pixel.PIXEL_BGR2RGB if case.rgb else pixel.PIXEL_BGR
        mat = ncnn.Mat.from_pixels_resize(image, order, image.shape[1], image.shape[0], *case.size)
        mat.substract_mean_normalize(list(case.mean), list(case.norm))
        yield np.array(mat.numpy())


def compared(found: Mapping[str, tuple[float, ...]], expected: Mapping[str, tuple[float, ...]]) -> str:
    assert found.keys() == expected.keys()
    pairs = [(a, b) for name in found for a, b in zip(found[name], expected[name], strict=True)]
    equal = sum(f"{a:f}" == f"{b:f}" for a, b in pairs)
    largest = max(abs(a / b - 1) for a, b in pairs if math.isfinite(b))
    return f"{equal} of {len(pairs)} equal as printed, largest difference {largest:.1e}"


def calibrated(case: Case, shared: Path, threads: int) -> tuple[Table, float]:
    param = shared / "models" / f"{case.model}.param"
    files = (param, param.with_suffix(".bin"))
    started = time.perf_counter()
    with private_engine(threads) as engine:
        table = calibrate(
            *files,
            lambda: prepared(case, shared / "data" / case.images),
            lambda: BlobExtractor(*files),
            method=case.method,
            zero_scale=math.inf,
            engine=engine,
        )
    return table, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    for case in CASES:
        table, elapsed_s = calibrated(case, arguments.shared, arguments.threads)
        expected = read_table((arguments.shared / "models" / case.model).with_name(f"{case.table}.table"))
        print(f"{case.table} ({case.method}, {elapsed_s:.1f} s)")
        print("  weights:    ", compared(table.weights, expected.weights))
        one = [{name: (scale,) for name, scale in t.activations.items()} for t in (table, expected)]
        print("  activations:", compared(*one))


if __name__ == "__main__":
    main()
