"""What mIoU costs at 2048x1024, and what one segmenter scores by several protocols.

    python -m benchmarks.segmentation                 # times on random logits of 19 classes
    python -m benchmarks.segmentation ../shared       # ESPNet on CamVid besides; takes some minutes

The evaluators beside ours are the ones that come to mind: all logits at the size of the image, then argmax; counts by
``numpy.histogram`` of each image, as mmseg counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets.segmentation import SegmentationOptions
from pytest_quant.evaluation.cores import available_cores, single_threaded_opencv
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.semantic_segmentation.counts import PixelCounts, count_pixels
from pytest_quant.tasks.semantic_segmentation.decoder import decode
from pytest_quant.tasks.semantic_segmentation.iou import scores
from pytest_quant.tasks.semantic_segmentation.options import IouOptions, PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.semantic_segmentation.preprocess import Geometry

WIDTH, HEIGHT, CLASSES, STRIDE = 2048, 1024, 19, 8
REPEATS = 5
MEAN = (110.33134257760945, 108.40914603085218, 105.03352311261668)
STD = (72.12519707536828, 72.68854341844772, 69.90261427128347)


def best_ms(work: Callable[[], Any]) -> float:
    """The least time of some repeats."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


def whole_argmax(logits: NDArray[np.float32]) -> NDArray[np.intp]:
    """All logits at the size of the image at once."""
    planes = [cv2.resize(plane, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR) for plane in logits]
    found: NDArray[np.intp] = np.stack(planes).argmax(axis=0)
    return found


def histogram_counts(answers: NDArray[Any], labels: NDArray[Any]) -> list[NDArray[Any]]:
    """Three histograms of the pixels that count."""
    counted = labels != -1
    one, other = answers[counted], labels[counted]
    bins = np.arange(CLASSES + 1)
    return [np.histogram(values, bins)[0] for values in (one[one == other], one, other)]


def print_times() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(CLASSES, HEIGHT // STRIDE, WIDTH // STRIDE)).astype(np.float32)
    labels = rng.integers(-1, CLASSES, (HEIGHT, WIDTH)).astype(np.int32)
    geometry = Geometry((WIDTH, HEIGHT), (WIDTH, HEIGHT), (WIDTH, HEIGHT))
    options = PostprocessOptions()
    answers = decode(logits, "out", geometry, options).answers
    assert np.array_equal(answers, whole_argmax(logits))
    counts = count_pixels(answers, labels, CLASSES)
    assert [values.tolist() for values in histogram_counts(answers, labels)] == [
        counts.intersection.tolist(), counts.predicted.tolist(), counts.labelled.tolist()
    ]  # fmt: skip
    many = PixelCounts.of([counts] * 500)
    drawn = rng.multinomial(500, [1 / 500] * 500, 500)
    print(f"one image of {WIDTH}x{HEIGHT}, {CLASSES} classes, one core, best of {REPEATS}")
    for name, work in (
        ("logits to labels, one plane after the other", lambda: decode(logits, "out", geometry, options)),
        ("logits to labels, all planes at once", lambda: whole_argmax(logits)),
        ("counts", lambda: count_pixels(answers, labels, CLASSES)),
        ("counts by three histograms", lambda: histogram_counts(answers, labels)),
        ("mIoU of 500 resamples of 500 images", lambda: scores(many, drawn)),
    ):
        print(f"  {name:46} {best_ms(work):8.1f} ms")
    planes = CLASSES * WIDTH * HEIGHT * 4 / 1e6
    print(f"  memory: {2 * WIDTH * HEIGHT * 4 / 1e6:.0f} MB for two planes, {planes:.0f} MB for all")


def espnet(shared: Path, int8: str) -> ModelSpec:
    folder, data = shared / "models" / "espnet-camvid", shared / "data" / "camvid"
    zoo = shared / "zoo.quant.yaml"
    options = SegmentationOptions(list=data / "test.txt", classes=data / "classes.txt", ignore_index=11)
    return ModelSpec(
        name="espnet",
        zoo=zoo,
        task="semantic-segmentation",
        dataset=DatasetSpec("camvid", "segmentation", options, zoo),
        nets={
            "fp32": NcnnFiles(param=folder / "espnet.param", bin=folder / "espnet.bin").net(),
            "int8": NcnnFiles(param=folder / f"{int8}.param", bin=folder / f"{int8}.bin").net(),
        },
        input=InputSpec("in0", (480, 360), "bgr", MEAN, tuple(255 * value for value in STD)),
        outputs=("out0",),
    )


def protocols(shared: Path) -> Iterator[tuple[str, ModelSpec]]:
    kl = espnet(shared, "espnet-int8")
    yield "KL", kl
    yield "ACIQ", espnet(shared, "espnet-aciq-int8")
    yield "KL, void as false positives", replace(kl, metric_options={"mIoU": IouOptions(void="false-positive")})
    small = replace(kl, input=replace(kl.input, size=(384, 288)), preprocess=PreprocessOptions())
    yield "KL, input 384x288, logits resized", small
    yield "KL, input 384x288, labels resized", replace(small, postprocess=PostprocessOptions(resize="labels"))


def print_espnet(shared: Path) -> None:
    print("ESPNet on 40 images of CamVid: fp32 -> int8")
    with tempfile.TemporaryDirectory() as folder:
        bench = open_workbench(Path(folder), cores=available_cores())
        for name, model in protocols(shared):
            found = bench.measure(model).comparison
            values = (f"{metric} {pair.fp32:.3f} -> {pair.int8:.3f}" for metric, pair in found.metrics.items())
            print(f"  {name:36} {', '.join(values)}, same class {found.flips.agreement_pct:.2f} %", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Times of mIoU, and one segmenter by several protocols.")
    parser.add_argument("shared", type=Path, nargs="?", help="folder that holds models/ and data/")
    shared = parser.parse_args().shared
    with single_threaded_opencv():
        print_times()
    if shared is not None:
        print_espnet(shared.resolve())


if __name__ == "__main__":
    main()
