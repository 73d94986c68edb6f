"""The figures of two real classifiers on their whole datasets, as they were measured before with another program.

    python benchmarks/published_figures.py SHARED [--cores N]

``SHARED`` is the folder that holds ``models/`` and ``data/``. Prints what is measured beside what was, and fails where
they differ by more than a sample or two (int8 results differ between instruction sets).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.reader import read_zoo

CIFAR10_SLACK = 2
IMAGENET_SLACK = 1


@dataclass(frozen=True)
class Figures:
    """What is known of one evaluation."""

    fp32: float
    """Top-1 in percent; likewise ``int8``."""
    int8: float
    flips: tuple[int, int] | None
    """Samples right only in fp32, and only in int8; None where nobody counted."""
    slack: int
    """By how many samples a count may differ."""


KNOWN = {
    "resnet20": Figures(81.03, 81.05, (120, 122), CIFAR10_SLACK),
    "squeezenet-opencv": Figures(67.75, 66.50, (10, 5), IMAGENET_SLACK),
    "squeezenet-pillow": Figures(64.25, 64.50, None, IMAGENET_SLACK),
}


def zoo(shared: Path) -> dict[str, Any]:
    """Both models; SqueezeNet once for each library that resizes."""

    def net(name: str) -> dict[str, str]:
        path = shared / "models" / name
        return {"param": f"{path}.param", "bin": f"{path}.bin"}

    def images(name: str, list_file: str) -> dict[str, str]:
        return {"type": "image-list", "root": str(shared / "data" / name), "list": list_file}

    resnet = {
        "task": "classification",
        "dataset": "cifar10",
        "fp32": net("resnet20-cifar10/resnet20"),
        "int8": net("resnet20-cifar10/resnet20-int8"),
        "input": {"blob": "in0", "size": [32, 32], "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]},
        "output": "out0",
        "tolerance": {"top1": 1.0},
    }
    squeezenet = {
        "task": "classification",
        "dataset": "imagenet",
        "fp32": net("squeezenet_v1.1-imagenet/squeezenet"),
        "int8": net("squeezenet_v1.1-imagenet/squeezenet-int8"),
        "input": {"blob": "data", "size": [227, 227], "color": "bgr", "mean": [104.0, 117.0, 123.0]},
        "output": "prob",
        "tolerance": {"top1": 2.0},
    }
    backends = {
        f"squeezenet-{backend}": {**squeezenet, "preprocess": {"backend": backend}} for backend in ("opencv", "pillow")
    }
    return {
        "version": 1,
        "datasets": {"cifar10": images("cifar10", "test.txt"), "imagenet": images("imagenet-sample", "labels.txt")},
        "models": {"resnet20": resnet, **backends},
    }


def main() -> None:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--cores", type=int, default=available_cores())
    arguments = parser.parse_args()
    print(f"{'model':18} {'fp32':>14} {'int8':>14} {'flips':>21} {'seconds':>8}")
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "real.quant.yaml"
        path.write_text(yaml.safe_dump(zoo(arguments.shared.absolute())))
        bench = open_workbench(Path(folder), cores=arguments.cores)
        for model in read_zoo(path).models:
            assert isinstance(model, ModelSpec), model.message
            start = time.perf_counter()
            measurement = bench.measure(model)
            print(line(measurement, KNOWN[model.name], time.perf_counter() - start), flush=True)
            wrong += [model.name] * differs(measurement, KNOWN[model.name])
    assert not wrong, f"other figures than before: {', '.join(wrong)}"


def line(measurement: Measurement, known: Figures, elapsed_s: float) -> str:
    """What was measured, and in brackets what was before."""
    pair, flips = measurement.comparison.metrics["top1"], measurement.comparison.flips
    return (
        f"{measurement.model.name:18} {pair.fp32:6.2f} [{known.fp32:5.2f}] {pair.int8:6.2f} [{known.int8:5.2f}] "
        f"{signed(flips.only_fp32_right, flips.only_int8_right):>9} "
        f"[{signed(*known.flips) if known.flips else 'unknown':9}] "
        f"{elapsed_s:8.1f}"
    )


def signed(only_fp32: int, only_int8: int) -> str:
    """Flips as the table of a run prints them."""
    return f"-{only_fp32} +{only_int8}"


def differs(measurement: Measurement, known: Figures) -> bool:
    """Whether any figure differs by more samples than it may."""
    pair, flips = measurement.comparison.metrics["top1"], measurement.comparison.flips
    points = 100 * known.slack / measurement.evaluated + 0.005
    if abs(pair.fp32 - known.fp32) > points or abs(pair.int8 - known.int8) > points:
        return True
    counted = (flips.only_fp32_right, flips.only_int8_right)
    return known.flips is not None and any(
        abs(found - before) > known.slack for found, before in zip(counted, known.flips, strict=True)
    )


if __name__ == "__main__":
    main()
