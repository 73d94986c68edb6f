"""int8 outputs of x86 beside those of aarch64, for real nets and for the fixtures: which option makes x86 exact, by net.

    python -m benchmarks.aarch64_outputs make TARGET [--shared SHARED]       # TARGET: an aarch64 machine, or an emulated one
    python -m benchmarks.aarch64_outputs compare [--shared SHARED]

``make`` runs every int8 net on the target (``popen//python=DIR/qemu-python`` after ``pytest-quant target emulate DIR``)
and keeps up to 1024 values of each output in ``benchmarks/aarch64/``, unless they are there. ``compare`` runs the same inputs here, with ncnn's
default options, with packing off, and with what ``runtime: reference`` chooses, and prints the signal to noise ratio of
each against aarch64 ("exact": equal to the bit) and the seconds per image. ``SHARED`` holds ``models/`` and ``data/``.
"""  # noqa: E501

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_quant.extending.known import get_task, open_dataset
from pytest_quant.nets.ncnn.feeding import Feeding
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.nets.ncnn.options import PACKING, runtime_options
from pytest_quant.nets.remote.remote_net import RemoteRunner, RemoteSetup
from pytest_quant.nets.remote.target import Target
from pytest_quant.zoo.reader import BrokenModel, read_zoo

ROOT = Path(__file__).parents[1]
KEPT = Path(__file__).with_name("aarch64")
IMAGES = 20
VALUES = 1024

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class RealNet:
    """An int8 net of the shared folder and how its input is made; the resize is plain, which will do here."""

    name: str
    blob: str
    output: str
    size: tuple[int, int]
    """Width and height."""
    images: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    color: str = "rgb"
    rows: bool = False
    """Whether the output is rows of detections, of which there may be none."""


_IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_CAMVID_STD = tuple(255 * value for value in (72.12519707536828, 72.68854341844772, 69.90261427128347))

REAL = (
    RealNet("resnet20-cifar10/resnet20", "in0", "out0", (32, 32), "cifar10/test/**/*.jpg", *_IMAGENET),
    RealNet("squeezenet_v1.1-imagenet/squeezenet", "data", "prob", (227, 227), "imagenet-sample/*.JPEG",
            (104.0, 117.0, 123.0), (1.0, 1.0, 1.0), "bgr"),
    RealNet("simplepose-coco/simplepose", "data", "hybridsequential0_conv7_fwd", (192, 256),
            "coco-pose/calibration/*", *_IMAGENET),
    RealNet("ppocr_det-icdar/ppocr_det", "in0", "out0", (640, 384), "icdar2015/images/*.jpg", *_IMAGENET, "bgr"),
    RealNet("yolox_nano-coco/yolox_nano", "images", "output", (416, 416), "coco-detection/**/*.jpg", *_IMAGENET),
    RealNet("nanodet_plus_m-coco/nanodet_plus_m", "in0", "out0", (416, 416), "coco-detection/**/*.jpg",
            (103.53, 116.28, 123.675), (57.375, 57.12, 58.395), "bgr"),
    RealNet("yolo_fastest_xl-coco/yolo_fastest_xl", "data", "output", (320, 320), "coco-detection/**/*.jpg",
            (0.0, 0.0, 0.0), (255.0, 255.0, 255.0), rows=True),
    RealNet("espnet-camvid/espnet", "in0", "out0", (480, 360), "camvid/images/*.png",
            (110.33134257760945, 108.40914603085218, 105.03352311261668), _CAMVID_STD, "bgr"),
    RealNet("ppocr_rec-v2.0/ppocr_rec_v2", "input", "out", (320, 32), "icdar2015-words/**/*.png",
            (127.5,) * 3, (127.5,) * 3, "bgr"),
    RealNet("english_g2/english_g2", "in0", "out0", (320, 64), "icdar2015-words/**/*.png", (127.5,), (127.5,), "gray"),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One int8 net with the inputs that it is run on."""

    name: str
    setup: NetSetup
    inputs: Sequence[Floats]

    @property
    def digest(self) -> str:
        """Tells whether OpenCV made the same inputs here."""
        whole = hashlib.sha256()
        for array in self.inputs:
            whole.update(array.tobytes())
        return whole.hexdigest()


def real_cases(shared: Path) -> Iterator[Case]:
    for net in REAL:
        stem = shared / "models" / f"{net.name}-int8"
        files = NcnnFiles(param=stem.with_name(f"{stem.name}.param"), bin=stem.with_name(f"{stem.name}.bin"))
        paths = sorted((shared / "data").glob(net.images))[:IMAGES]
        if not paths:
            raise SystemExit(f"{shared / 'data' / net.images}: no image")
        setup = NetSetup(files, net.blob, (net.output,), "reference")
        if net.rows:
            setup = replace(setup, rows=frozenset({net.output}))
        yield Case(stem.name.removesuffix("-int8"), setup, [_input(net, path) for path in paths])


def _input(net: RealNet, path: Path) -> Floats:
    stored = cv2.imread(str(path))
    if stored is None:
        raise SystemExit(f"{path}: is not an image")
    pixels = cv2.resize(stored, net.size)
    if net.color == "rgb":
        pixels = pixels[:, :, ::-1]
    elif net.color == "gray":
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)[:, :, None]
    scaled = (pixels.astype(np.float32) - np.array(net.mean, np.float32)) / np.array(net.std, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)


def fixture_cases() -> Iterator[Case]:
    for model in read_zoo(ROOT / "fixtures" / "zoo.quant.yaml").models:
        if isinstance(model, BrokenModel):
            raise SystemExit(model.message)
        dataset, pipeline = open_dataset(model.dataset), get_task(model.task).pipeline(model)
        inputs = [_first(pipeline.prepare(dataset.read(sample), sample).tensor) for sample in dataset.samples[:IMAGES]]
        setup = NetSetup(model.nets["int8"].entry, model.input.blob, model.outputs, "reference")
        yield Case(f"fixtures-{model.name}", setup, inputs)


def _first(tensor: Floats) -> Floats:
    """Of the persons of an image the first."""
    return tensor if tensor.ndim == 3 else np.ascontiguousarray(tensor[0])


def cases(shared: Path | None) -> Iterator[Case]:
    yield from fixture_cases()
    if shared is not None:
        yield from real_cases(shared)


def chosen(outputs: Mapping[str, Floats], rows: bool) -> Floats:
    """Up to `VALUES` values of the outputs, always the same ones; of detections the first ones."""
    flat: NDArray[np.float32] = np.concatenate([outputs[name].ravel() for name in sorted(outputs)])
    if rows:
        flat = np.concatenate([flat, np.zeros(VALUES, np.float32)])
        return flat[:VALUES]
    if flat.size <= VALUES:
        return flat
    return flat[np.sort(np.random.default_rng(0).choice(flat.size, 4 * VALUES, replace=flat.size < 4 * VALUES))[::4]]


def make(spec: str, shared: Path | None) -> None:
    target = Target(spec)
    print(target.facts.kind)
    KEPT.mkdir(exist_ok=True)
    for case in cases(shared):
        if (KEPT / f"{case.name}.npz").exists():
            continue
        setup, options = case.setup, runtime_options("reference")
        files = setup.files
        there = RemoteRunner(
            RemoteSetup(files.param, files.bin, Feeding(setup.input_blob), setup.outputs, options, rows=setup.rows),
            target,
        )
        values = np.stack([chosen(there.run(array), bool(setup.rows)) for array in case.inputs])
        np.savez_compressed(KEPT / f"{case.name}.npz", values=values, inputs=np.array(case.digest))
        print(f"{case.name}: {there.forward_s / len(case.inputs):.3f} s per image there", flush=True)
        there.close()
    target.close()


def compare(shared: Path | None) -> None:
    always = runtime_options("reference")
    variants = {"default": always, "packing off": {**always, PACKING: False}, "runtime: reference": None}
    print(f"{'net':34}" + "".join(f"{name:>24}" for name in variants))
    for case in cases(shared):
        kept = np.load(KEPT / f"{case.name}.npz")
        note = "" if str(kept["inputs"]) == case.digest else "  (OpenCV makes other inputs here)"
        cells = [_cell(case, kept["values"], options) for options in variants.values()]
        print(f"{case.name:34}" + "".join(f"{cell:>24}" for cell in cells) + note, flush=True)


def _cell(case: Case, there: Floats, options: Mapping[str, bool] | None) -> str:
    runner = NcnnRunner(case.setup, options)
    start = time.perf_counter()
    here = np.stack([chosen(runner.run(array), bool(case.setup.rows)) for array in case.inputs])
    elapsed_s = (time.perf_counter() - start) / len(case.inputs)
    runner.close()
    exact = int((here == there).all(axis=1).sum())
    noise = float(np.square(here.astype(np.float64) - there).sum())
    ratio = "exact" if noise == 0 else f"{10 * np.log10(np.square(there.astype(np.float64)).sum() / noise):.1f} dB"
    return f"{ratio} {exact}/{len(here)} {1000 * elapsed_s:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path)
    commands = parser.add_subparsers(required=True, dest="command")
    commands.add_parser("make").add_argument("target")
    commands.add_parser("compare")
    given = parser.parse_args()
    if given.command == "make":
        make(given.target, given.shared)
    else:
        compare(given.shared)


if __name__ == "__main__":
    main()
