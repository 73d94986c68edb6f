"""(a) What an evaluation takes beside the least that its samples can take, in processor time and on all cores."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import cast

import cv2
import ncnn
import numpy as np

from benchmarks.speed.rows import Row
from benchmarks.target_throughput import cpu_s
from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets.base import Image, Sample
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.first_input import first_input
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.extending.known import get_task
from pytest_quant.nets.ncnn.net_files import ncnn_files
from pytest_quant.nets.ncnn.options import net_options
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES


def load(model: ModelSpec) -> list[ncnn.Net]:
    """Both nets with the options that an evaluation uses."""
    nets = []
    for side in SIDES:
        files, net = ncnn_files(model, side), ncnn.Net()
        net.opt.num_threads = 1
        for name, value in net_options(files.param, model.runtime).items():
            setattr(net.opt, name, value)
        net.load_param(str(files.param))
        net.load_model(str(files.bin))
        nets.append(net)
    return nets


@dataclass(frozen=True)
class Direct:
    """Processor seconds of the least that samples can take, and what of it reading and both forward passes take."""

    all_s: float
    read_s: float
    forward_s: float


def direct(model: ModelSpec, samples: Sequence[Sample], begin: Callable[[], object] | None = None) -> Direct:
    """The least that samples can take.

    Reading, decoding, resizing, normalizing, both forward passes and argmax, by calls of OpenCV and ncnn in one thread.
    ``begin`` is called when the nets are loaded.
    """
    nets = load(model)
    if begin is not None:
        begin()
    mean, std = np.array(model.input.mean, np.float32), np.array(model.input.std, np.float32)
    read_s, forward_s, hits, start = 0.0, 0.0, [0, 0], time.thread_time()
    for sample in samples:
        before = time.thread_time()
        image = cast(Image, cv2.imread(str(sample.source)))
        read_s += time.thread_time() - before
        if model.input.color == "rgb":
            image = cast(Image, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        if image.shape[1::-1] != model.input.size:
            image = cast(Image, cv2.resize(image, model.input.size))
        tensor = np.ascontiguousarray(((image.astype(np.float32) - mean) / std).transpose(2, 0, 1))
        before = time.thread_time()
        for index, net in enumerate(nets):
            extractor = net.create_extractor()
            extractor.input(model.input.blob, ncnn.Mat(tensor).clone())
            scores = np.array(extractor.extract(model.outputs[0])[1])
            hits[index] += int(scores.argmax()) == sample.truth
        forward_s += time.thread_time() - before
    return Direct(time.thread_time() - start, read_s, forward_s)


def evaluation(model: ModelSpec, samples: int, cores: int, folder: Path) -> tuple[float, float]:
    """Processor and wall-clock seconds of an evaluation, from hashing the images to the interval, nothing kept.

    Opening the dataset is not part of it; nor is the child process in which a net that was never seen is tried once.
    Its cache and the run's own files lie under ``folder``, which is to be removed when all is measured: for seconds
    after files were removed ext4 takes up to a millisecond to make another one.
    """
    bench = open_workbench(Path(tempfile.mkdtemp(dir=folder)), cores=cores, sampling=Sampling(samples=samples))
    sample = bench.selection(model)[0][0]
    pipeline = get_task(model.task).pipeline(model)
    first = first_input(pipeline, pipeline.prepare(bench.dataset(model.dataset).read(sample), sample))
    for side in SIDES:
        open_runner(model, side, first, bench.resources.trials).close()
    start, start_s = cpu_s(), time.perf_counter()
    bench.measure(model)
    return cpu_s() - start, time.perf_counter() - start_s


def side_by_side(model: ModelSpec, samples: Sequence[Sample], processes: int) -> float:
    """Wall-clock seconds of direct calls where each of some processes has its share: what the machine can do."""
    context = multiprocessing.get_context("spawn")
    gate, told = context.Barrier(processes), context.SimpleQueue()
    shares = [samples[first::processes] for first in range(processes)]
    started = [context.Process(target=_share, args=(model, share, gate, told)) for share in shares]
    for process in started:
        process.start()
    longest: float = max(told.get() for _ in started)
    for process in started:
        process.join()
    return longest


def _share(model: ModelSpec, samples: Sequence[Sample], gate: Barrier, told: SimpleQueue[float]) -> None:
    starts: list[float] = []

    def begin() -> None:
        gate.wait()
        starts.append(time.perf_counter())

    with single_threaded_opencv():
        direct(model, samples, begin)
    told.put(time.perf_counter() - starts[0])


def selected(model: ModelSpec, samples: int) -> list[Sample]:
    with tempfile.TemporaryDirectory() as folder:
        bench = open_workbench(Path(folder), cores=1, sampling=Sampling(samples=samples))
        return list(bench.selection(model)[0])


def rows(model: ModelSpec, samples: int, rounds: int, wanted: float) -> Iterator[Row]:
    """In turns."""
    chosen = selected(model, samples)
    direct_s, forward_s, one_s, one_wall_s, all_wall_s = [], [], [], [], []
    alone_s, together_s = [], []
    cores = len(os.sched_getaffinity(0))
    with single_threaded_opencv(), tempfile.TemporaryDirectory() as made:
        for _ in range(rounds):
            both = direct(model, chosen)
            direct_s.append(both.all_s)
            forward_s.append(both.forward_s)
            cpu, wall = evaluation(model, samples, 1, Path(made))
            one_s.append(cpu)
            one_wall_s.append(wall)
            all_wall_s.append(evaluation(model, samples, cores, Path(made))[1])
            alone_s.append(side_by_side(model, chosen, 1))
            together_s.append(side_by_side(model, chosen, cores))
    name = f"{model.name}, {samples} images"
    seen = {
        "direct ms": 1000 * statistics.median(direct_s) / samples,
        "evaluation ms": 1000 * statistics.median(one_s) / samples,
    }
    yield row("a", f"{name}: CPU of direct calls / evaluation", direct_s, one_s, f">= {wanted}", seen)
    yield row("a", f"{name}: CPU of bare forward / evaluation", forward_s, one_s, "", {})
    yield row("a", f"{name}: wall on one core / on {cores}", one_wall_s, all_wall_s, ">= 1.9" if cores == 2 else "", {})
    yield row("a", f"{name}: the same of direct calls, {cores} processes", alone_s, together_s, "", {})


def row(part: str, what: str, above: list[float], below: list[float], wanted: str, seen: dict[str, float]) -> Row:
    """The median of the ratios of the rounds."""
    ratios = sorted(one / other for one, other in zip(above, below, strict=True))
    return Row(part, what, statistics.median(ratios), "ratio", wanted, (ratios[0], ratios[-1]), seen)
