"""Who computes for a process of a run, and what is computed before its cases come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.plugin.settings import Settings
from pytest_quant.run.beside import is_to_run_alone
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec

if TYPE_CHECKING:
    import pytest

    from pytest_quant.evaluation.cluster.cluster import DaskCluster
    from pytest_quant.evaluation.engine.engine import Later
    from pytest_quant.evaluation.parts.replay import Replay
    from pytest_quant.evaluation.probes import Probes
    from pytest_quant.evaluation.workbench import Workbench
    from pytest_quant.judging.measurements import Measurements
    from pytest_quant.run.ahead import Ahead
    from pytest_quant.run.executors import Executors


class Computing:
    """Threads of this process, the executor of a fixture, or a cluster; `later` is whichever it is by now."""

    def __init__(self, settings: Settings, run_dir: Path) -> None:
        self._settings = settings
        self._run_dir = run_dir
        self._usage = ExitStack()
        self._cluster: DaskCluster | None = None
        self._selected: list[tuple[ModelSpec, Sequence[Limit]]] = []
        self._ahead: Ahead | None = None

    def connect(self) -> None:
        """Connect to the cluster, where one is to evaluate; raises `QuantError`."""
        if self._settings.executor is not None:
            from pytest_quant.run.cluster import connect

            self._cluster = connect(self._settings.executor, self._run_dir, self._usage)

    @property
    def notes(self) -> Sequence[str]:
        """What a user is to know of where the nets run."""
        return () if self._cluster is None else self._cluster.notes

    @cached_property
    def later(self) -> Later:
        """What the engines of the run take."""
        from pytest_quant.evaluation.engine.engine import Later

        return Later(self._cluster)

    def open_bench(self, cache_dir: Path | None, probes: Probes | None, replay: Replay | None) -> Workbench:
        """The workbench of the run; see `open_workbench`."""
        from pytest_quant.building.workbench import open_workbench
        from pytest_quant.evaluation.cores import available_cores
        from pytest_quant.evaluation.engine.events import EventFile
        from pytest_quant.evaluation.sampling import Sampling
        from pytest_quant.run.progress.display import EVENTS

        settings = self._settings
        return open_workbench(
            self._run_dir,
            cores=settings.jobs or available_cores(),
            cache_dir=cache_dir,
            sampling=Sampling(settings.seed, settings.samples, settings.whole),
            listener=EventFile(self._run_dir / EVENTS) if settings.progress else None,
            rehash=settings.rehash,
            limit_s=settings.timeout_s,
            probes=probes,
            replay=replay,
            executor=self.later,
        )

    def take_executor(self, item: pytest.Item) -> None:
        """Let the fixture `quant_executor` say who runs the nets, where the command line does not."""
        if self._cluster is None:
            self._executors.take(item)

    @cached_property
    def _executors(self) -> Executors:
        from pytest_quant.run.executors import Executors

        return Executors(self.later)

    def expect(self, model: ModelSpec, limits: Sequence[Limit]) -> None:
        """Note that a selected test decides these limits."""
        self._selected.append((model, limits))

    def go_ahead(self, workers: int, worker: str, measurements: Callable[[], Measurements]) -> None:
        """Begin to evaluate what is selected, where a cluster can, or one of several workers while it would idle.

        ``workers``: how many processes run the tests, of which this is one; 0 where it runs none. ``worker``: its name.
        """
        if self._settings.part is not None or workers < (2 if self._cluster is None else 1):
            return
        from pytest_quant.run.ahead import Ahead, Helping, wanted

        known, models = measurements(), wanted(self._selected)
        helpers = max(1, min(workers, known.bench.cores.count))
        self._ahead = Ahead(known, Helping(helpers, self._cluster is not None, worker), self._run_dir)
        if self._cluster is not None:
            order = known.bench.resources.times.longest_first([one.model for one in models])
            self._cluster.ranks.update({model.name: rank for rank, model in enumerate(order)})
        self._ahead.start(models)

    def wait_for(self, model: ModelSpec) -> None:
        """Until a model that a cluster evaluates is done."""
        if self._ahead is not None:
            self._ahead.wait_for(model)

    def beside(self, test: str) -> AbstractContextManager[None]:
        """While a test runs: one that ran where something computed beforehand ended its process is alone this time."""
        if self._ahead is None or not is_to_run_alone(self._run_dir, test):
            return nullcontext()
        return self._ahead.paused()

    def finish(self) -> None:
        """Help the other processes of the run until everything is evaluated."""
        if self._ahead is not None:
            self._ahead.finish()

    def stop(self) -> None:
        """Compute nothing beforehand any more."""
        if self._ahead is not None:
            self._ahead.end()

    def close(self) -> None:
        """The same, and leave the cluster."""
        self.stop()
        self._usage.close()
