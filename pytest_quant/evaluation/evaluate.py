"""Evaluation of one model: its shards are computed once, by whichever thread of whichever process comes first."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from pytest_quant.datasets.base import Dataset, Sample
from pytest_quant.evaluation.cores import CorePool, single_threaded_opencv
from pytest_quant.evaluation.store import PredictionStore, ShardKey, StoredShard
from pytest_quant.nets.base import Runner
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.net import SIDES, Net
from pytest_quant.tasks.base import Pipeline, Prediction

_POLL_S = 0.01

OpenRunner = Callable[[Net], Runner]
"""Loads a net; called once per thread and net that has something to compute."""


@dataclass(frozen=True)
class Shard:
    """A run of samples, with the key of each side's predictions."""

    index: int
    samples: tuple[Sample, ...]
    keys: Mapping[Net, ShardKey]


@dataclass(frozen=True)
class Job:
    """Everything that evaluating one model takes."""

    dataset: Dataset
    pipeline: Pipeline
    shards: Sequence[Shard]
    open_runner: OpenRunner
    orient: bool = True
    nets: Sequence[Net] = SIDES
    """Of these the predictions are wanted; the first two are compared where an evaluation may stop early."""
    pipelines: Mapping[Net, Pipeline] = field(default_factory=dict)
    """Of the nets whose inputs are prepared otherwise than ``pipeline`` does."""


@dataclass(frozen=True)
class SideResult:
    """The predictions of one side, in the order of the samples."""

    predictions: list[Prediction]
    forward_s: float
    """Seconds spent in forward passes and decoding, summed over threads."""
    cached: bool
    """Whether nothing of it had to be computed now."""


class RunnerPool:
    """Loaded nets; a thread borrows a set of them, so that the next round of shards finds them loaded."""

    def __init__(self, open_runner: OpenRunner) -> None:
        self._open = open_runner
        self._idle: list[_Runners] = []
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self) -> Iterator[_Runners]:
        """One set of nets, for one thread at a time."""
        with self._lock:
            runners = self._idle.pop() if self._idle else _Runners(self._open)
        try:
            yield runners
        finally:
            with self._lock:
                self._idle.append(runners)

    def close(self) -> None:
        """Free all nets; none may be borrowed."""
        for runners in self._idle:
            runners.close()
        self._idle.clear()


def evaluate(
    job: Job, store: PredictionStore, cores: CorePool, pool: RunnerPool | None = None
) -> dict[Net, SideResult]:
    """Compute what the store lacks, on every core that is free, and give each side's predictions.

    Shards that another process has claimed are waited for, not computed again. When samples fail, the error of the
    first shard that has one is raised, whoever came upon it, so that serial and parallel runs say the same. ``pool``
    keeps nets loaded between calls; without it they are freed at the end.
    """
    if pool is None:
        with closing(RunnerPool(job.open_runner)) as own:
            return evaluate(job, store, cores, own)
    computed: set[Net] = set()
    while True:
        missing = [shard for shard in job.shards if not all(store.has(key) for key in shard.keys.values())]
        computed |= {side for shard in missing for side, key in shard.keys.items() if not store.has(key)}
        if missing:
            with single_threaded_opencv():
                _Crew(job, missing, store, cores, pool).work()
        results = _collect(job, store, computed)
        if results is not None:
            return results


def _collect(job: Job, store: PredictionStore, computed: Iterable[Net]) -> dict[Net, SideResult] | None:
    """The whole of the results, or None when a shard's file turned out to be damaged and is to be made again."""
    sides: dict[Net, list[StoredShard]] = {}
    for shard in job.shards:
        for side, key in shard.keys.items():
            stored = store.load(key)
            if stored is None:
                store.drop(key)
                return None
            sides.setdefault(side, []).append(stored)
    return {
        side: SideResult(
            predictions=[prediction for shard in shards for prediction in job.pipeline.unpack(shard.arrays)],
            forward_s=sum(shard.elapsed_s for shard in shards),
            cached=side not in computed,
        )
        for side, shards in sides.items()
    }


class _Crew:
    """The threads of this process that compute the missing shards of one job."""

    def __init__(
        self, job: Job, missing: Sequence[Shard], store: PredictionStore, cores: CorePool, pool: RunnerPool
    ) -> None:
        self._job = job
        self._pool = pool
        self._store = store
        self._cores = cores
        self._todo = deque(missing)
        self._lock = threading.Lock()
        self._stopped = False
        self._first_error: tuple[int, Exception] | None = None

    def work(self) -> None:
        """Compute or wait until nothing is missing; raise the error of the first shard that has one."""
        # Events, not Thread.join: interrupted, that takes a running thread for an ended one.
        ended = [threading.Event() for _ in range(min(self._cores.count, len(self._todo)))]
        threads = [threading.Thread(target=self._thread, args=(event,), daemon=True) for event in ended]
        try:
            for thread in threads:
                thread.start()
            for event in ended:
                event.wait()
        finally:  # after an interrupt the threads end with the shard they are at
            self._stop()
            for thread, event in zip(threads, ended, strict=True):
                if thread.ident is not None:  # it was started
                    event.wait()
        if self._first_error is not None:
            raise self._first_error[1]

    def _thread(self, ended: threading.Event) -> None:
        try:
            with self._pool.borrow() as runners:
                while (shard := self._next()) is not None:
                    self._take(shard, runners)
        finally:
            ended.set()

    def _take(self, shard: Shard, runners: _Runners) -> None:
        try:
            done = self._attempt(shard, runners)
        except Exception as error:  # carried to the thread that waits, which raises it
            self._note(shard, error)
            return
        if not done:
            with self._lock:
                self._todo.append(shard)
            time.sleep(_POLL_S)

    def _next(self) -> Shard | None:
        with self._lock:
            while self._todo and not self._stopped:
                shard = self._todo.popleft()
                if self._first_error is None or shard.index < self._first_error[0]:
                    return shard
            return None

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True

    def _attempt(self, shard: Shard, runners: _Runners) -> bool:
        """Compute a shard, or find it computed; False when another process is at it."""
        with self._store.claim(list(shard.keys.values())) as claimed:
            if not claimed:
                return False
            sides = [side for side, key in shard.keys.items() if not self._store.has(key)]
            if sides:
                with self._cores.core():
                    self._compute(shard, sides, runners)
        return True

    def _note(self, shard: Shard, error: Exception) -> None:
        with self._lock:
            if self._first_error is None or shard.index < self._first_error[0]:
                self._first_error = (shard.index, error)

    def _compute(self, shard: Shard, sides: Sequence[Net], runners: _Runners) -> None:
        job = self._job
        predictions: dict[Net, list[Prediction]] = {side: [] for side in sides}
        elapsed_s = dict.fromkeys(sides, 0.0)
        nets = {side: runners.get(side) for side in sides}
        pipelines = {side: job.pipelines.get(side, job.pipeline) for side in sides}
        for sample in shard.samples:
            try:
                image = job.dataset.read(sample, orient=job.orient)
                prepared = {id(own): own.prepare(image, sample) for own in pipelines.values()}
                for side, pipeline in pipelines.items():
                    start = time.perf_counter()
                    predictions[side].append(pipeline.predict(nets[side].run, prepared[id(pipeline)]))
                    elapsed_s[side] += time.perf_counter() - start
            except QuantError as error:
                raise _naming(error, sample) from error
        for side in sides:
            arrays = job.pipeline.pack(predictions[side])
            self._store.save(shard.keys[side], StoredShard(arrays, elapsed_s[side]))


def _naming(error: QuantError, sample: Sample) -> QuantError:
    """The same error with the sample in front, unless it names it already."""
    text = str(error)
    return error if sample.id in text else type(error)(f"sample {sample.id}: {text}")


class _Runners:
    """The nets of one thread, loaded when first needed."""

    def __init__(self, open_runner: OpenRunner) -> None:
        self._open = open_runner
        self._runners: dict[Net, Runner] = {}

    def get(self, side: Net) -> Runner:
        if side not in self._runners:
            self._runners[side] = self._open(side)
        return self._runners[side]

    def close(self) -> None:
        for runner in self._runners.values():
            runner.close()
