"""(j) What an evaluation takes beside the forward passes alone, and what a second core brings: of every model."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.speed.rows import Row
from benchmarks.speed.sample import evaluation, row, selected
from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.extending.known import get_task
from pytest_quant.nets.base import Array, Runner
from pytest_quant.nets.given import Given
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES

SAMPLES = 60
"""Of each model, or all of a smaller dataset: interval, decoding and score of so few are part of the figure, too."""


class Timed:
    """A net whose forward passes are counted."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.forward_s = 0.0
        """Processor seconds of this thread."""

    def run(self, given: Given) -> dict[str, Array]:
        """As the net does."""
        start = time.thread_time()
        outputs = self._runner.run(given)
        self.forward_s += time.thread_time() - start
        return outputs


def forward_s(model: ModelSpec, samples: Sequence[Sample]) -> float:
    """Processor seconds of both nets on all that a task gives them: an image, persons, flips."""
    pipeline = get_task(model.task).pipeline(model)
    total_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        dataset = open_workbench(Path(folder), cores=1).dataset(model.dataset)
        for side in SIDES:
            runner = open_runner(model, side)
            timed = Timed(runner)
            run: Callable[[Given], dict[str, Array]] = timed.run
            for sample in samples:
                pipeline.predict(run, pipeline.prepare(dataset.read(sample), sample))
            runner.close()
            total_s += timed.forward_s
    return total_s


def rows(models: Sequence[ModelSpec], rounds: int) -> Iterator[Row]:
    """In turns."""
    cores = len(os.sched_getaffinity(0))
    for model in models:
        chosen = selected(model, SAMPLES)
        bare_s, one_s, one_wall_s, all_wall_s = [], [], [], []
        with single_threaded_opencv(), tempfile.TemporaryDirectory() as made:
            for _ in range(rounds):
                bare_s.append(forward_s(model, chosen))
                cpu_s, wall_s = evaluation(model, SAMPLES, 1, Path(made))
                one_s.append(cpu_s)
                one_wall_s.append(wall_s)
                all_wall_s.append(evaluation(model, SAMPLES, cores, Path(made))[1])
        seen = {"evaluation ms": 1000 * statistics.median(one_s) / len(chosen)}
        name = f"{model.name}, {len(chosen)} samples"
        yield row("j", f"{name}: CPU of bare forward / evaluation", bare_s, one_s, "", seen)
        yield row("j", f"{name}: wall on one core / on {cores}", one_wall_s, all_wall_s, "", {})
