"""Images per second of a whole evaluation through a `popen` target beside the same evaluation in this process.

    python -m benchmarks.target_throughput --shared SHARED [--rounds N] [--models NAME ...]

Both nets of ResNet-20 (32x32, CIFAR-10) and SqueezeNet (227x227, ImageNet) are evaluated, nothing cached: reading,
preprocessing, both forward passes, decoding, scoring; in this process, and with both nets on ``popen//python=THIS
PYTHON``. Many short runs in turns, here, there, here, there, here: each ratio is of one run there and the mean of the
runs here before and behind it, so what the machine does slowly (other work, heat) falls out. Given is the median of the
ratios with the interval of 95 % that holds it, whatever the ratios' distribution is; a loss is told from noise by it:

* ``met``: the whole interval is above what is wanted; ``missed``: all of it is below; ``open``: more rounds are needed.
* ``itself``: the same from the runs here alone, each beside its neighbours: what the machine does to a ratio of 1.

Each run there has a target of its own, started and warmed by a short run before, which is not counted: where a process
finds its memory makes it up to 5 % faster or slower for as long as it lives, so the turns of a single one agree with
each other to more than they tell.

Beside it processor milliseconds per image of both processes and their ratio, which other work disturbs less, and how
many milliseconds more it takes to open both nets there (in both ratios, too; starting the target is in none). Both
ways get the same cores:

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
from math import comb
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
WANTED = {"resnet20": (2000, 0.85), "squeezenet": (200, 0.97)}
"""Model to samples of a run on one core and the ratio that it should reach; all cores get twice the samples."""
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


@dataclass(frozen=True)
class Ratios:
    """Of runs to their neighbours, sorted."""

    values: Sequence[float]

    @classmethod
    def between(cls, around: Sequence[float], inner: Sequence[float]) -> Ratios:
        """Of each ``inner`` one to the mean of those before and behind it: one more of them."""
        pairs = zip(inner, around, around[1:], strict=False)
        return cls(sorted(2 * one / (before + behind) for one, before, behind in pairs))

    @property
    def median(self) -> float:
        """Not moved by single runs that were disturbed."""
        return statistics.median(self.values)

    @property
    def interval(self) -> tuple[float, float]:
        """Holds the median of what the ratios are drawn from with 95 %, by order statistics; all of them if few."""
        count = len(self.values)
        outside = 0
        while 2 * sum(comb(count, k) for k in range(outside + 2)) / 2**count < 0.05:
            outside += 1
        outside = min(outside, (count - 1) // 2)
        return self.values[outside], self.values[count - 1 - outside]

    def judged(self, wanted: float) -> str:
        """Whether the median is what is wanted, as far as the interval tells."""
        low, high = self.interval
        return "met" if low >= wanted else "missed" if high < wanted else "open"

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.median:.3f} [{low:.3f} {high:.3f}]"


def start_target(cores: int) -> None:
    """End the target's process and start another: how long that takes is not measured."""
    close_targets()
    if target_of(SPEC).facts.cores != cores:
        raise SystemExit("the target does not run on the cores of this process")


def row(model: ModelSpec, label: str, cores: int, rounds: int) -> str:
    """In turns, after short runs of each."""
    samples, wanted = WANTED[model.name]
    samples *= min(cores, 2)
    there = Placement(SPEC).of_model(model)
    opened = [(speed(model, FEW, cores), speed(there, FEW, cores)) for _ in range(3)][1:]
    opening_ms = FEW * statistics.mean(far.cpu_ms - near.cpu_ms for near, far in opened)
    here, far = [speed(model, samples, cores)], []
    for _ in range(rounds):
        start_target(cores)
        speed(there, FEW, cores)
        far.append(speed(there, samples, cores))
        here.append(speed(model, samples, cores))
    rates = [one.images_per_s for one in here]
    ratios = Ratios.between(rates, [one.images_per_s for one in far])
    itself = Ratios.between(rates[::2], rates[1::2])
    # less time is better: the inverse
    cpu = Ratios.between([1 / one.cpu_ms for one in here], [1 / one.cpu_ms for one in far])
    near_ms, far_ms = (statistics.median(one.cpu_ms for one in side) for side in (here, far))
    size = "x".join(map(str, model.input.size or ()))
    return (
        f"{model.name:<12}{size:>9}{label:>9}{statistics.median(rates):>12.1f}  {ratios!s:<21}"
        f"{ratios.judged(wanted):>7} {wanted:.2f}  {itself!s:<21}{near_ms:>9.2f}{far_ms:>10.2f}  {cpu!s:<21}"
        f"{opening_ms:>9.0f}"
    )


def run(models: Sequence[ModelSpec], label: str, cores: set[int], rounds: int) -> None:
    """All models with this process and its target bound to some cores."""
    os.sched_setaffinity(0, cores)
    start_target(len(cores))
    for model in models:
        print(row(model, label, len(cores), rounds), flush=True)
    close_targets()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--models", nargs="+", default=list(WANTED))
    given = parser.parse_args()
    everything = os.sched_getaffinity(0)
    models = [model for model in read_models(given.shared) if model.name in given.models]
    print(f"Medians of {given.rounds} runs through popen, of {given.rounds + 1} here; in brackets 95 % intervals.")
    print(
        f"{'model':<12}{'input':>9}{'on':>9}{'here img/s':>12}  {'popen/here':<21}{'wanted':>12}  {'itself':<21}"
        f"{'here CPU':>9}{'popen CPU':>10}  {'here/popen CPU':<21}{'open CPU':>9}"
    )
    run(models, "1 core", {max(everything)}, given.rounds)
    if available_cores() < len(everything):
        run(models, f"{len(everything)} cores", set(everything), given.rounds)


if __name__ == "__main__":
    main()
