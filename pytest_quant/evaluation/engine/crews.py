"""Who does the shards of a job: threads of this process, or an executor that somebody gave."""

from __future__ import annotations

import pickle
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from typing import Generic, Protocol, cast, runtime_checkable

from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.engine.beat import Beat
from pytest_quant.evaluation.engine.core_threads import CoreThreads
from pytest_quant.evaluation.engine.elsewhere import Parcel, run_elsewhere, run_here, told_pickle
from pytest_quant.evaluation.engine.work import Job, R, S, S_contra, WorkerPool
from pytest_quant.spec.errors import RunnerError


class Crew(Protocol[S_contra, R]):
    """Takes shards and gives futures."""

    width: int
    """How many shards it may hold at a time."""

    def submit(self, shard: S_contra) -> tuple[Future[R], Beat]:
        """Do a shard as soon as possible."""
        ...

    def give_up(self, future: Future[R]) -> None:
        """Nobody waits for a shard any more."""
        ...

    def close(self) -> None:
        """No more shards come."""
        ...


@runtime_checkable
class Cluster(Protocol):
    """Machines that take the shards of jobs, in the place of an executor."""

    def crew(self, job: Job[S, R], limit_s: float | None) -> Crew[S, R]:
        """Who does the shards of a job there; ``limit_s``: longest time for one sample."""
        ...


class Threads(Generic[S, R]):
    """The threads of this process, each with one of the run's cores.

    One shard more than there are threads is held, so that no thread waits for the next one.
    """

    def __init__(self, cores: CorePool, pool: WorkerPool[S, R], most: int | None = None) -> None:
        """``most``: how many threads there may be; None: as many as cores."""
        count = cores.count if most is None else most
        self._threads = CoreThreads(cores, count)
        self._pool = pool
        self._failed_at: int | None = None
        self.width = count + 1

    def submit(self, shard: S) -> tuple[Future[R], Beat]:
        """Do a shard on the next free thread."""
        beat = Beat()
        return self._threads.submit(self._run, shard, beat), beat

    def give_up(self, future: Future[R]) -> None:
        """Leave the thread to itself."""
        self._threads.give_up(future)

    def close(self) -> None:
        """Let the threads end: an interrupt may have come between the start of a call and the note of it."""
        self._threads.shutdown(cancel_futures=True)

    def _run(self, shard: S, beat: Beat) -> R:
        if self._failed_at is not None and shard.index > self._failed_at:
            raise CancelledError  # an earlier shard has failed meanwhile
        beat.note("loading")
        try:
            with self._pool.borrow() as worker:
                return worker.run(shard, beat.note)
        except Exception:
            self._failed_at = shard.index if self._failed_at is None else min(self._failed_at, shard.index)
            raise


class Elsewhere(Generic[S, R]):
    """An executor that somebody gave: the work travels with every shard, and its nets stay loaded there."""

    def __init__(self, executor: Executor, pool: WorkerPool[S, R], width: int, limit_s: float | None = None) -> None:
        """``pool``: whose workers its threads take, where it has threads of this process."""
        self._executor = executor
        self._pool = pool
        self._limit_s = limit_s
        self._parcel = None
        if not isinstance(executor, ThreadPoolExecutor):
            self._parcel = Parcel.of(pool.work, limit_s, pickle.dumps)
        self.width = width

    def submit(self, shard: S) -> tuple[Future[R], Beat]:
        """Send a shard; the limit for a sample is held where it is done. Raises `RunnerError` where that is no more."""
        try:
            future = (
                self._executor.submit(run_here, self._pool, shard, self._limit_s)
                if self._parcel is None
                else self._executor.submit(run_elsewhere, self._parcel, told_pickle(shard))
            )
        except RuntimeError as error:  # broken, or shut down
            raise RunnerError(f"the executor of the run takes no more work: {error}") from error
        return cast("Future[R]", future), Beat()

    def give_up(self, future: Future[R]) -> None:
        """Ask the executor to drop a shard."""
        future.cancel()

    def close(self) -> None:
        """The executor is its owner's."""


def told(error: BaseException) -> BaseException:
    """The error of a shard; in words where it is that of an executor which is broken or drops shards."""
    if isinstance(error, CancelledError):
        return RunnerError("the executor of the run has dropped shards: it was shut down, or somebody cancelled them")
    if not isinstance(error, BrokenExecutor):
        return error
    return RunnerError(
        f"the executor of the run is broken: {error}; a process of it was ended, by the system for lack of memory, by "
        "somebody, or by a net that crashes it"
    )
