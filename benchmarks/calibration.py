"""Images per second of a calibration beside the bare forward pass, and its memory at 100 and at 1000 images.

    python benchmarks/calibration.py ../shared [--cores 2] [--rounds 5]

The folder holds ``models/`` and ``data/``: SqueezeNet v1.1 is calibrated (KL) on 100 JPEG files. The bare pass runs
ncnn on tensors that are prepared already; "arrays" are the two passes on the same tensors, "images" the two passes as a
user has them, which read and prepare every file twice. All are measured in turns within one run, since the speed of a
machine changes with the hour: read the ratios. Memory is the largest resident set of a process that does nothing else.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.files import ImageFiles
from pytest_quant.datasets.unlabelled import open_images
from pytest_quant.evaluation.engine.engine import private_engine
from pytest_quant.evaluation.engine.events import Event, Finished
from pytest_quant.extending.known import get_task
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.quantize.calibration import calibrate
from pytest_quant.quantize.from_images import calibrate_model
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec

PASSES = ("absmax", "histogram")


def squeezenet(shared: Path) -> ModelSpec:
    folder = shared / "models" / "squeezenet_v1.1-imagenet"
    files = NcnnFiles(param=folder / "squeezenet.param", bin=folder / "squeezenet.bin")
    zoo = Path("zoo.quant.yaml")
    return ModelSpec(
        name="squeezenet",
        zoo=zoo,
        task="classification",
        dataset=DatasetSpec("none", "image-list", None, zoo),
        nets={"fp32": files.net(), "int8": files.net()},
        input=InputSpec("data", (227, 227), "bgr", (104.0, 117.0, 123.0), (1.0, 1.0, 1.0)),
        outputs=("prob",),
        preprocess=get_task("classification").preprocess_options.model_validate({"backend": "opencv"}),
    )


def calibration_images(shared: Path) -> ImageFiles:
    return open_images(shared / "data" / "imagenet-sample" / "calibration")


class Passes:
    """Seconds of each pass, told from its events."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Note the time that a pass took."""
        if isinstance(event, Finished):
            self.seconds[event.stage.rpartition(" ")[2]] = event.elapsed_s


def images_passes(model: ModelSpec, images: ImageFiles, cores: int) -> dict[str, float]:
    passes = Passes()
    with private_engine(cores) as engine:
        calibrate_model(model, images, engine=replace(engine, listener=passes))
    return passes.seconds


def array_passes(model: ModelSpec, arrays: list[NDArray[np.float32]], cores: int) -> dict[str, float]:
    passes = Passes()
    fp32 = ncnn_files(model, "fp32")
    files = (fp32.param, fp32.bin)
    with private_engine(cores) as engine:
        calibrate(*files, lambda: arrays, lambda: BlobExtractor(*files), engine=replace(engine, listener=passes))
    return passes.seconds


def forward_pass(model: ModelSpec, arrays: list[NDArray[np.float32]], cores: int) -> dict[str, float]:
    nets = [BlobExtractor(ncnn_files(model, "fp32").param, ncnn_files(model, "fp32").bin) for _ in range(cores)]

    def work(index: int) -> None:
        for array in arrays[index::cores]:
            for _ in nets[index](array, model.outputs):
                pass

    start = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(work, range(cores)))
    return {"forward": time.perf_counter() - start}


def rates(shared: Path, cores: int, rounds: int) -> None:
    model, images = squeezenet(shared), calibration_images(shared)
    pipeline = get_task(model.task).pipeline(model)
    arrays = [pipeline.prepare(images.read(sample), sample).tensor for sample in images.samples]
    ways: dict[str, Callable[[], dict[str, float]]] = {
        "forward": lambda: forward_pass(model, arrays, cores),
        "arrays": lambda: array_passes(model, arrays, cores),
        "images": lambda: images_passes(model, images, cores),
    }
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        for way, measure in ways.items():
            for name, taken_s in measure().items():
                seconds.setdefault(f"{way} {name}" if way != name else way, []).append(taken_s)
    ratios = {name: [mine / bare for mine, bare in zip(taken, seconds["forward"], strict=True)]
              for name, taken in seconds.items()}  # fmt: skip
    print(f"{len(arrays)} images, {cores} cores, median of {rounds} rounds")
    for name, taken in seconds.items():
        rate = len(arrays) / statistics.median(taken)
        print(f"  {name:<18}{rate:7.1f} images/s, {statistics.median(ratios[name]):.2f} times the bare pass")


def memory(shared: Path, cores: int, count: int) -> int:
    """Largest resident set in KiB of a fresh process that calibrates on ``count`` images, some of them repeated."""
    command = [sys.executable, __file__, str(shared), "--cores", str(cores), "--only-memory", str(count)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def calibrate_alone(shared: Path, cores: int, count: int) -> None:
    images = calibration_images(shared)
    samples = [images.samples[index % len(images.samples)] for index in range(count)]
    with private_engine(cores) as engine:
        calibrate_model(squeezenet(shared), images, samples, engine=engine)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only-memory", type=int, metavar="IMAGES", help="Calibrate once and print the memory in KiB")
    arguments = parser.parse_args()
    if arguments.only_memory is not None:
        calibrate_alone(arguments.shared, arguments.cores, arguments.only_memory)
        return
    rates(arguments.shared, arguments.cores, arguments.rounds)
    for count in (100, 1000):
        print(f"  {count:4d} images: {memory(arguments.shared, arguments.cores, count) / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
