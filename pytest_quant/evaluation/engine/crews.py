"""Who does the shards of a job: threads of this process, or an executor that somebody gave."""

from __future__ import annotations

import sys
import threading
import time
import traceback
import uuid
from concurrent.futures import CancelledError, Executor, Future
from typing import Generic, Protocol

from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.engine.core_threads import CoreThreads
from pytest_quant.evaluation.engine.elsewhere import run_elsewhere
from pytest_quant.evaluation.engine.work import R, S, S_contra, Work, WorkerPool
from pytest_quant.spec.errors import OverdueError


class Beat:
    """What a shard is at, and since when."""

    def __init__(self) -> None:
        self._at: tuple[str, float, int] | None = None

    def note(self, what: str) -> None:
        """The thread that calls turns to something else."""
        self._at = (what, time.monotonic(), threading.get_ident())

    def overdue(self, limit_s: float) -> OverdueError | None:
        """The error of a sample that takes too long, with the stack of its thread where that is known."""
        at = self._at
        if at is None or time.monotonic() - at[1] <= limit_s:
            return None
        what, _, ident = at
        frame = sys._current_frames().get(ident)  # there is no other way to another thread's stack
        stack = "" if frame is None else "\nit is at:\n" + "".join(traceback.format_stack(frame)).rstrip()
        return OverdueError(f"{what}: is not done after {limit_s:g} s, the limit for one sample{stack}")


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


class Threads(Generic[S, R]):
    """The threads of this process, each with one of the run's cores.

    One shard more than there are threads is held, so that no thread waits for the next one.
    """

    def __init__(self, cores: CorePool, pool: WorkerPool[S, R]) -> None:
        self._threads = CoreThreads(cores)
        self._pool = pool
        self._failed_at: int | None = None
        self.width = cores.count + 1

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

    def __init__(self, executor: Executor, work: Work[S, R], width: int) -> None:
        self._executor = executor
        self._work = work
        self._job = uuid.uuid4().hex
        self.width = width

    def submit(self, shard: S) -> tuple[Future[R], Beat]:
        """Send a shard. Who gives an executor looks after its time: a limit for one sample is not known there."""
        future: Future[R] = self._executor.submit(run_elsewhere, self._job, self._work, shard)
        return future, Beat()

    def give_up(self, future: Future[R]) -> None:
        """Ask the executor to drop a shard."""
        future.cancel()

    def close(self) -> None:
        """The executor is its owner's."""
