"""How long the forward passes of fp32 and int8 take, in turns on the same prepared samples; never kept between runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.machine import other_machine
from pytest_quant.evaluation.model_nets import open_runner, runtime_of
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.extending.known import get_format, get_task
from pytest_quant.nets.base import LooksAhead, Runner
from pytest_quant.nets.given import Given
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES, Net

MOST_SAMPLES = 16
MOST_TURNS = 200
LEAST_TURNS = 20
MOST_S = 20.0
"""After so many seconds `LEAST_TURNS` are enough."""

_WARM_UP = 2


@dataclass(frozen=True)
class Times:
    """Seconds of single forward passes, shape (turns,), one thread each."""

    fp32_s: NDArray[np.float64]
    int8_s: NDArray[np.float64]
    samples: int
    """Whose inputs were taken, one after the other."""
    runtimes: tuple[str, str]
    """What ran fp32 and int8: name, version, and the instruction sets where the runtime tells them."""


def measure_times(bench: Workbench, model: ModelSpec) -> Times:
    """Run both nets in turns while one of the run's cores is held.

    Where int8 runs on a target, fp32 runs there, too: times of two machines say nothing. A target's times are those of
    its own clock. Raises `ConfigError` where fp32 cannot run there, or no sample has an input.
    """
    other = other_machine()
    if other is not None and other.told is not None:
        raise ConfigError(
            f"speedup: the nets of this run are computed on {other.told}, and times would be those of this machine: "
            "run pytest on a machine of that kind for this limit"
        )
    model = _on_one_machine(bench.built(model))
    inputs = _inputs(bench, model)
    with bench.cores.core(), closing(open_runner(model, "fp32")) as fp32, closing(open_runner(model, "int8")) as int8:
        fp32_s, int8_s = _in_turns((fp32, int8), inputs)
    told = _runtime(model, "fp32"), _runtime(model, "int8")
    return Times(np.array(fp32_s), np.array(int8_s), min(MOST_SAMPLES, len(inputs)), told)


def _on_one_machine(model: ModelSpec) -> ModelSpec:
    target, fp32 = model.nets["int8"].target, model.nets["fp32"]
    if fp32.target == target:
        return model
    if target is None or not get_format(fp32.format).runs_on_targets:
        raise ConfigError(
            f"speedup: fp32 runs on {fp32.target or 'this machine'} and int8 on {target or 'this machine'}; times of "
            "two machines say nothing of a speedup"
        )
    return replace(model, nets={**model.nets, "fp32": replace(fp32, target=target)})


def _inputs(bench: Workbench, model: ModelSpec) -> Sequence[tuple[Given, Given]]:
    """The first input of each of the first samples, as either net takes it."""
    task, dataset = get_task(model.task), bench.dataset(model.dataset)
    found: list[tuple[Given, Given]] = []
    pipelines = bench.on_samples(model, bench.selection(model)[0][:1]).pipelines
    with single_threaded_opencv():
        for sample in bench.selection(model)[0][: 4 * MOST_SAMPLES]:
            image = dataset.read(sample, orient=task.orient)
            both = [pipelines[net].prepare(image, sample).inputs for net in SIDES]
            if all(both) and len(found) < MOST_SAMPLES:
                found.append((both[0][0], both[1][0]))
            if len(found) == MOST_SAMPLES:
                break
    if not found:
        raise ConfigError("speedup: no sample makes an input for the net, so there is nothing to time")
    return found


def _in_turns(runners: tuple[Runner, Runner], inputs: Sequence[tuple[Given, Given]]) -> tuple[list[float], list[float]]:
    """Whichever comes first changes from turn to turn, so that neither has the caches warm more often."""
    times: tuple[list[float], list[float]] = ([], [])
    started = time.monotonic()
    for turn in range(-_WARM_UP, MOST_TURNS):
        if turn >= LEAST_TURNS and time.monotonic() - started > MOST_S:
            break
        both = inputs[turn % len(inputs)]
        for side in (0, 1) if turn % 2 else (1, 0):
            elapsed_s = _pass_s(runners[side], both[side])
            if turn >= 0:
                times[side].append(elapsed_s)
    return times


def _pass_s(runner: Runner, given: Given) -> float:
    before = runner.forward_s if isinstance(runner, LooksAhead) else 0.0
    start = time.perf_counter()
    runner.run(given)
    elapsed_s = time.perf_counter() - start
    return runner.forward_s - before if isinstance(runner, LooksAhead) else elapsed_s


def _runtime(model: ModelSpec, name: Net) -> str:
    net = model.net(name)
    sets = () if net.target is not None else get_format(net.format).instruction_sets()
    return f"{runtime_of(model, name)}{f' ({chr(32).join(sets)})' if sets else ''}"
