"""Images per second of a whole evaluation through a `popen` target beside the same evaluation in this process.

    python -m benchmarks.target_throughput --shared SHARED [--rounds N] [--models NAME ...]

Both nets of ResNet-20 (32x32, CIFAR-10) and SqueezeNet (227x227, ImageNet) are evaluated in turns, once in this process
and once with both nets on ``popen//python=THIS PYTHON``, nothing cached: reading, preprocessing, both forward passes,
decoding, scoring. Read the ratio, the median over rounds of pairs; beside it processor
milliseconds per image of both processes and their ratio, which other work on the machine disturbs less, and how many
milliseconds more it takes to open both nets there (in both ratios, too). Both ways get the same cores:

* ``1 core``: this process and the target's are bound to one and the same core, one thread reads (``--quant-jobs 1``),
  so all that the detour costs shows.
* ``all cores``: both may use every core of the machine, with as many threads (``--quant-jobs`` at its default).

A target that is another machine has cores of its own, so this is the least favourable case.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.nets.remote.targets import close_targets, target_of
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.placement import Placement
from pytest_quant.zoo.reader import BrokenModel, read_zoo

SPEC = f"popen//python={sys.executable}"
ZOO = """
version: 1
datasets:
  cifar: {{type: image-list, root: {shared}/data/cifar10, list: test.txt}}
  imagenet: {{type: image-list, root: {shared}/data/imagenet-sample, list: labels.txt}}
models:
  resnet20:
    task: classification
    dataset: cifar
    fp32: {{param: {shared}/models/resnet20-cifar10/resnet20.param, bin: {shared}/models/resnet20-cifar10/resnet20.bin}}
    int8:
      param: {shared}/models/resnet20-cifar10/resnet20-int8.param
      bin: {shared}/models/resnet20-cifar10/resnet20-int8.bin
    input: {{blob: in0, size: [32, 32], color: rgb, mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375]}}
    output: out0
    preprocess: {{backend: opencv}}
    tolerance: {{top1: 5.0}}
  squeezenet:
    task: classification
    dataset: imagenet
    fp32:
      param: {shared}/models/squeezenet_v1.1-imagenet/squeezenet.param
      bin: {shared}/models/squeezenet_v1.1-imagenet/squeezenet.bin
    int8:
      param: {shared}/models/squeezenet_v1.1-imagenet/squeezenet-int8.param
      bin: {shared}/models/squeezenet_v1.1-imagenet/squeezenet-int8.bin
    input: {{blob: data, size: [227, 227], color: bgr, mean: [104, 117, 123]}}
    output: prob
    preprocess: {{backend: opencv}}
    tolerance: {{top1: 9.0}}
"""
WANTED = {"resnet20": (4000, 0.85), "squeezenet": (400, 0.97)}
"""Model to samples of a round and the ratio that it should reach."""
FEW = 10
"""Samples of a run that is little but opening both nets."""


def read_models(shared: Path) -> list[ModelSpec]:
    with tempfile.TemporaryDirectory() as folder:
        zoo = Path(folder) / "zoo.quant.yaml"
        zoo.write_text(ZOO.format(shared=shared.resolve()))
        found = read_zoo(zoo).models
    broken = [model.message for model in found if isinstance(model, BrokenModel)]
    if broken:
        raise SystemExit("\n".join(broken))
    return [model for model in found if isinstance(model, ModelSpec)]


@dataclass(frozen=True)
class Speed:
    """Of one evaluation, nothing cached."""

    images_per_s: float
    cpu_ms: float
    """Processor time per image, of this process and of the target's."""


def cpu_s() -> float:
    """Processor time that this process and its children have taken so far."""
    ticks = 0
    children: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended
            children += (task / "children").read_text().split()
    for process in ("self", *children):
        ticks += sum(map(int, Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def speed(model: ModelSpec, samples: int, cores: int) -> Speed:
    with tempfile.TemporaryDirectory() as folder:
        bench = open_workbench(Path(folder), cores=cores, sampling=Sampling(samples=samples))
        bench.dataset(model.dataset)
        start, start_cpu_s = time.perf_counter(), cpu_s()
        evaluated = bench.measure(model).evaluated
        return Speed(evaluated / (time.perf_counter() - start), 1000 * (cpu_s() - start_cpu_s) / evaluated)


def row(model: ModelSpec, label: str, cores: int, rounds: int) -> str:
    """In turns, after short runs of each."""
    samples, wanted = WANTED[model.name]
    there = Placement(SPEC).of_model(model)
    opened = [(speed(model, FEW, cores), speed(there, FEW, cores)) for _ in range(3)][1:]
    opening_ms = FEW * statistics.mean(far.cpu_ms - near.cpu_ms for near, far in opened)
    pairs = [(speed(model, samples, cores), speed(there, samples, cores)) for _ in range(rounds)]
    ratios = sorted(far.images_per_s / near.images_per_s for near, far in pairs)
    near_rate, far_rate = (statistics.median(one.images_per_s for one in side) for side in zip(*pairs, strict=True))
    near_ms, far_ms = (statistics.median(one.cpu_ms for one in side) for side in zip(*pairs, strict=True))
    size = "x".join(map(str, model.input.size or ()))
    return (
        f"{model.name:<12}{size:>9}{label:>11}{samples:>8}{near_rate:>12.1f}{far_rate:>12.1f}"
        f"{statistics.median(ratios):>8.3f}{near_ms:>10.2f}{far_ms:>10.2f}{near_ms / far_ms:>8.3f}{opening_ms:>9.0f}  "
        f"({ratios[0]:.3f} to {ratios[-1]:.3f}; wanted {wanted})"
    )


def run(models: Sequence[ModelSpec], label: str, cores: set[int], rounds: int) -> None:
    """All models with this process and its target bound to some cores."""
    os.sched_setaffinity(0, cores)
    if target_of(SPEC).facts.cores != len(cores):  # connects, too: how long that takes is not measured
        raise SystemExit("the target does not run on the cores of this process")
    for model in models:
        print(row(model, label, len(cores), rounds), flush=True)
    close_targets()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=list(WANTED))
    given = parser.parse_args()
    everything = os.sched_getaffinity(0)
    models = [model for model in read_models(given.shared) if model.name in given.models]
    print(
        f"{'model':<12}{'input':>9}{'on':>11}{'images':>8}{'here img/s':>12}{'popen img/s':>12}{'ratio':>8}"
        f"{'here CPU':>10}{'popen CPU':>10}{'ratio':>8}{'open CPU':>9}  "
        f"(median of {given.rounds} rounds)"
    )
    run(models, "1 core", {max(everything)}, given.rounds)
    if available_cores() < len(everything):
        run(models, f"{len(everything)} cores", set(everything), given.rounds)


if __name__ == "__main__":
    main()
