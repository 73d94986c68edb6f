"""How close `pytest_quant.quantize` comes to ncnn2table and ncnn2int8, on real models whose files those tools made.

    python benchmarks/calibration_parity.py ../shared

The folder holds ``models/`` and ``data/``. Printed per table: entries whose printed digits are equal, and the largest
relative difference; what remains has other causes than the method: the tool's own kernels and, for JPEG files, its own
decoder. Then per int8 net, made here from the tool's table: whether its files are equal byte for byte. The tool's build
cut what it stored as float16 towards zero, where a stock build rounds: such arrays are counted. Arrays of Gemm layers
differ on purpose: the tool takes their scale from the first row alone.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import ncnn
import numpy as np
from numpy.typing import NDArray

from pytest_quant.evaluation.engine.engine import private_engine
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files import Table, read_param, read_table, walk
from pytest_quant.quantize.calibration import Method, calibrate
from pytest_quant.quantize.lower import quantize_model

# The command line of the tool took 8 digits.
_IMAGENET = ((123.675, 116.28, 103.53), (0.01712475, 0.01750700, 0.01742919))
Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Size = tuple[int, int]


def by_ncnn(image: Image, size: Size, rgb: bool, mean: tuple[float, ...], norm: tuple[float, ...]) -> Floats:
    """As ncnn2table prepares an image."""
    pixel = ncnn.Mat.PixelType
    order = pixel.PIXEL_BGR2RGB if rgb else pixel.PIXEL_BGR
    mat = ncnn.Mat.from_pixels_resize(image, order, image.shape[1], image.shape[0], *size)
    mat.substract_mean_normalize(list(mean), list(norm))
    return np.array(mat.numpy())


def by_opencv(image: Image, size: Size, rgb: bool, mean: tuple[float, ...], std: tuple[float, ...]) -> Floats:
    """Stretched; the tool was given the arrays."""
    return _normalized(cv2.resize(image, size), rgb, mean, std)


def letterboxed(image: Image) -> Floats:
    """YOLOX: top left, the rest 114, ImageNet's mean and standard deviation."""
    ratio = min(416 / image.shape[0], 416 / image.shape[1])
    width, height = int(image.shape[1] * ratio), int(image.shape[0] * ratio)
    canvas = np.full((416, 416, 3), 114, np.uint8)
    canvas[:height, :width] = cv2.resize(image, (width, height))
    return _normalized(canvas, True, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def word(image: Image, *, height: int, gray: bool) -> Floats:
    """A text recognizer: one height, padded to a width of 320 with 0 or with the last column."""
    width = min(320, math.ceil(height * image.shape[1] / image.shape[0]))
    pixels = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if gray else image
    resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC if gray else cv2.INTER_LINEAR)
    values = resized.reshape(height, width, -1).astype(np.float32).transpose(2, 0, 1) / np.float32(127.5) - 1
    return np.pad(values, ((0, 0), (0, 0), (0, 320 - width)), mode="edge" if gray else "constant")


def _normalized(image: Any, rgb: bool, mean: tuple[float, ...], std: tuple[float, ...]) -> Floats:
    values = image[:, :, ::-1].astype(np.float32) if rgb else image.astype(np.float32)
    scaled = (values - np.array(mean, np.float32)) / np.array(std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


@dataclass(frozen=True)
class Case:
    """One table: the network, its calibration images and how they were prepared."""

    model: str
    table: str
    images: str
    prepare: Callable[[Image], Floats]
    method: Method = "kl"


_COCO, _CAMVID, _WORDS = "coco-detection/calibration", "camvid/calibration", "icdar2015-words/calibration"
_CAMVID_MEAN = (110.33134257760945, 108.40914603085218, 105.03533311261668)
_CAMVID_STD = (72.12519707536828 * 255, 72.68854341844772 * 255, 69.90261427128347 * 255)
_SQUEEZENET = partial(by_ncnn, size=(227, 227), rgb=False, mean=(104, 117, 123), norm=(1, 1, 1))
_ESPNET = partial(by_opencv, size=(480, 360), rgb=False, mean=_CAMVID_MEAN, std=_CAMVID_STD)
_NANODET = partial(by_opencv, size=(416, 416), rgb=False, mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395))
_FASTEST = partial(by_opencv, size=(320, 320), rgb=True, mean=(0, 0, 0), std=(255, 255, 255))
_POSE = partial(by_ncnn, size=(192, 256), rgb=True, mean=_IMAGENET[0], norm=_IMAGENET[1])
_CIFAR = partial(by_ncnn, size=(32, 32), rgb=True, mean=_IMAGENET[0], norm=_IMAGENET[1])

CASES = (
    Case("resnet20-cifar10/resnet20", "resnet20", "cifar10/calibration", _CIFAR),
    Case("simplepose-coco/simplepose", "simplepose", "coco-pose/calibration", _POSE),
    Case("squeezenet_v1.1-imagenet/squeezenet", "squeezenet", "imagenet-sample/calibration", _SQUEEZENET),
    Case("squeezenet_v1.1-imagenet/squeezenet", "squeezenet.aciq", "imagenet-sample/calibration", _SQUEEZENET, "aciq"),
    Case("yolox_nano-coco/yolox_nano", "yolox_nano", _COCO, letterboxed),
    Case("nanodet_plus_m-coco/nanodet_plus_m", "nanodet_plus_m", _COCO, _NANODET),
    Case("yolo_fastest_xl-coco/yolo_fastest_xl", "yolo_fastest_xl", _COCO, _FASTEST),
    Case("espnet-camvid/espnet", "espnet", _CAMVID, _ESPNET),
    Case("espnet-camvid/espnet", "espnet-aciq", _CAMVID, _ESPNET, "aciq"),
    Case("ppocr_rec-v2.0/ppocr_rec_v2", "ppocr_rec_v2", _WORDS, partial(word, height=32, gray=False)),
    Case("english_g2/english_g2", "english_g2", _WORDS, partial(word, height=64, gray=True)),
)

INT8_NETS = (
    *(("resnet20-cifar10/resnet20", "", "-int8"), ("simplepose-coco/simplepose", "", "-int8")),
    *(("squeezenet_v1.1-imagenet/squeezenet", "", "-int8"), ("ppocr_det-icdar/ppocr_det", "", "-int8")),
    *(("yolox_nano-coco/yolox_nano", kind, f"{kind}-int8") for kind in ("", "-mixed")),
    ("nanodet_plus_m-coco/nanodet_plus_m", "", "-int8"),
    ("yolo_fastest_xl-coco/yolo_fastest_xl", "", "-int8"),
    *(("espnet-camvid/espnet", kind, f"{kind}-int8") for kind in ("", "-aciq")),
    *(("ppocr_rec-v2.0/ppocr_rec_v2", kind, f"{kind}-int8") for kind in ("", "-mixed")),
    ("english_g2/english_g2", "", "-int8"),
)
"""Float net, and what the names of its table and of its int8 net end in."""


def prepared(case: Case, folder: Path) -> Iterator[Floats]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            assert image is not None, path
            yield case.prepare(image.astype(np.uint8))


def files_compared(models: Path, model: str, table: str, int8: str) -> str:
    """The int8 files that the tool's table gives here, against the tool's own."""
    source = models / f"{model}.param"
    name = source.stem
    expected = source.with_name(f"{name}{int8}.param")
    with tempfile.TemporaryDirectory() as folder:
        param, binary = Path(folder) / "net.param", Path(folder) / "net.bin"
        quantize_model(source, source.with_suffix(".bin"), source.with_name(f"{name}{table}.table"), param, binary)
        if param.read_bytes() != expected.read_bytes():
            return ".param differs"
        if binary.read_bytes() == expected.with_suffix(".bin").read_bytes():
            return ".param and .bin equal byte for byte"
        ours, theirs = walk(read_param(param), binary), walk(read_param(expected), expected.with_suffix(".bin"))
        pairs = list(zip(ours.arrays, theirs.arrays, strict=True))
        other = [(a, b) for a, b in pairs if not np.array_equal(ours.read(a), theirs.read(b))]
        halves = sum(a.storage == b.storage == "fp16" for a, b in other)
        gemms = sum(a.layer.type == "Gemm" and a.storage != "fp16" for a, _ in other)
        return (
            f".param equal; of {len(pairs)} arrays in the .bin {len(pairs) - len(other)} equal, {halves} differ in the "
            f"rounding of float16, {gemms} are of Gemm layers, {len(other) - halves - gemms} differ otherwise"
        )


def compared(found: Mapping[str, tuple[float, ...]], expected: Mapping[str, tuple[float, ...]]) -> str:
    assert found.keys() == expected.keys()
    pairs = [(a, b) for name in found for a, b in zip(found[name], expected[name], strict=True)]
    equal = sum(f"{a:f}" == f"{b:f}" for a, b in pairs)
    largest = max(abs(a / b - 1) for a, b in pairs if math.isfinite(b))
    return f"{equal} of {len(pairs)} equal as printed, largest difference {largest:.1e}"


def calibrated(case: Case, shared: Path, threads: int, zero_scale: float) -> tuple[Table, float]:
    param = shared / "models" / f"{case.model}.param"
    files = (param, param.with_suffix(".bin"))
    started = time.perf_counter()
    with private_engine(threads) as engine:
        table = calibrate(
            *files,
            lambda: prepared(case, shared / "data" / case.images),
            lambda: BlobExtractor(*files),
            method=case.method,
            zero_scale=zero_scale,
            engine=engine,
        )
    return table, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", metavar="TABLE", help="calibrate for one table alone")
    arguments = parser.parse_args()
    for case in (one for one in CASES if arguments.only in (None, one.table)):
        expected = read_table((arguments.shared / "models" / case.model).with_name(f"{case.table}.table"))
        has_infinite = any(math.isinf(scale) for scales in expected.weights.values() for scale in scales)
        zero_scale = math.inf if has_infinite else 1.0  # of channels that are all zero: builds of the tool differ
        table, elapsed_s = calibrated(case, arguments.shared, arguments.threads, zero_scale)
        print(f"{case.table} ({case.method}, {elapsed_s:.1f} s)")
        print("  weights:    ", compared(table.weights, expected.weights))
        one = [{name: (scale,) for name, scale in t.activations.items()} for t in (table, expected)]
        print("  activations:", compared(*one), flush=True)
    for model, table_end, int8_end in INT8_NETS:
        told = files_compared(arguments.shared / "models", model, table_end, int8_end)
        print(f"{Path(model).name}{int8_end}: {told}", flush=True)


if __name__ == "__main__":
    main()
