"""Models that are evaluated before their cases come, the longest first: by a cluster, or by workers that would idle."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.engine.turns import Helper
from pytest_quant.evaluation.locks import try_lock
from pytest_quant.judging.measurements import Measurements
from pytest_quant.run.beside import Beside
from pytest_quant.run.over import OVER
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net

MODELS_ON_A_CLUSTER = 8
"""So many models are evaluated at a time there: the shards of the next ones fill the gap at the end of one."""


@dataclass(frozen=True)
class Helping:
    """What a process does beforehand."""

    processes: int
    """How many processes of the run do so, each with its share of the cores."""
    on_cluster: bool = False
    """Whether a cluster computes; it takes no cores of this machine."""
    worker: str = ""
    """By what name the process that reports knows this one."""


@dataclass(frozen=True)
class Wanted:
    """A model, and the nets whose predictions its cases will take beside those of fp32."""

    model: ModelSpec
    nets: tuple[Net, ...]


def wanted(selected: Iterable[tuple[ModelSpec, Sequence[Limit]]]) -> list[Wanted]:
    """Each selected model once, in the order of the cases; not for tests without limits, which may take nothing."""
    found: dict[tuple[Path, str], tuple[ModelSpec, dict[Net, None]]] = {}
    for model, limits in selected:
        nets = found.setdefault((model.zoo, model.name), (model, {}))[1]
        nets.update(dict.fromkeys(limit.net for limit in limits if limit.needs_dataset))
    return [Wanted(model, tuple(sorted(nets, key=lambda net: net != "int8"))) for model, nets in found.values() if nets]


class Ahead:
    """Computes predictions in threads of its own; cases find them in the store, and say themselves what is wrong."""

    def __init__(self, measurements: Measurements, helping: Helping, run_dir: Path) -> None:
        self._measurements = measurements
        self._beside = Beside(run_dir, helping.worker)
        self._engine, self._helper = _engine(measurements.bench.engine, helping, run_dir / OVER, self._beside)
        self._models = MODELS_ON_A_CLUSTER if helping.on_cluster else 1
        self._slots = 1 if helping.on_cluster else helping.processes
        self._folder = run_dir
        self._held = ExitStack()
        self._found: dict[tuple[Path, str], Future[None]] = {}

    def start(self, models: Sequence[Wanted]) -> None:
        """Begin with the longest; of many processes only as many as the run has cores do so."""
        if not models or not self._take_place():
            return
        by_model = {id(one.model): one for one in models}
        times = self._measurements.bench.resources.times
        pool = ThreadPoolExecutor(self._models, thread_name_prefix="pytest-quant-ahead")
        self._held.callback(pool.shutdown, cancel_futures=True)
        self._held.callback(self._helper.ended.set)
        for model in times.longest_first([one.model for one in models]):
            self._found[model.zoo, model.name] = pool.submit(self._prepare, by_model[id(model)])

    def _prepare(self, one: Wanted) -> None:
        for net in one.nets:
            if net in one.model.unusable:  # which its cases say
                continue
            self._measurements.prepare(one.model, net, self._engine)

    def wait_for(self, model: ModelSpec) -> None:
        """Until a model is evaluated, where that has been begun with: its case need not look for shards meanwhile."""
        future = self._found.get((model.zoo, model.name))
        if future is not None and self._models > 1:
            future.exception()  # whatever it is, the case meets it again

    def paused(self) -> AbstractContextManager[None]:
        """While nothing is computed beforehand; on a cluster that ends no process of the run, and goes on."""
        return self._beside.alone()

    def finish(self) -> None:
        """Help the other processes until everything is evaluated, or the run is over."""
        wait(self._found.values())

    def end(self) -> None:
        """Nothing more is needed."""
        self._held.close()

    def _take_place(self) -> bool:
        for index in range(self._slots):
            lock = try_lock(self._folder / f"ahead-{index}.lock")
            if lock is None:
                continue
            self._held.callback(lock.release)
            return True
        return False


def _engine(engine: Engine, helping: Helping, over: Path, beside: Beside) -> tuple[Engine, Helper]:
    share = math.ceil(engine.cores.count / helping.processes)
    helper = Helper(over=over) if helping.on_cluster else Helper(engine.turns, share, over=over, begin=beside.begin)
    return replace(engine, helper=helper), helper
