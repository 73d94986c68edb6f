"""The engine: hands out the shards of a job, takes their results, and tells what happens."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Generic

from pytest_quant.evaluation.alive import run_folder
from pytest_quant.evaluation.cores import CorePool, single_threaded_opencv
from pytest_quant.evaluation.engine.beat import Beat
from pytest_quant.evaluation.engine.crews import Cluster, Crew, Elsewhere, Threads, told
from pytest_quant.evaluation.engine.events import Listener
from pytest_quant.evaluation.engine.log import Log
from pytest_quant.evaluation.engine.turns import Helper, Turns
from pytest_quant.evaluation.engine.work import Job, R, Release, S, Sink, WorkerPool
from pytest_quant.evaluation.garbage import only_new_garbage
from pytest_quant.spec.errors import OverdueError, QuantError

_POLL_S = 0.01
"""How often a shard that another process has claimed is asked for again."""
_MOST_POLL_S = 0.1
_WATCH_S = 0.5
"""How often the clock is looked at, at least; more often where the limit for a sample is short."""


@dataclass
class Later:
    """Who runs shards, which is known later than the engine; None: threads of this process."""

    executor: Executor | Cluster | None = None


@dataclass(frozen=True)
class Engine:
    """Runs jobs: on threads that share the run's cores, or on an executor.

    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> Engine(CorePool(Path(mkdtemp()), 2)).cores.count
    2
    """

    cores: CorePool
    listener: Listener | None = None
    executor: Executor | Cluster | Later | None = None
    """Runs the shards instead of this process's threads; anything from `concurrent.futures`, or that looks like it."""
    executor_width: int | None = None
    """How many shards it may hold at a time; None: twice the run's cores."""
    limit_s: float | None = None
    """Longest time for one sample; None: any."""
    turns: Turns | None = None
    """Shared with an engine of the same process that computes beforehand what this one will want."""
    helper: Helper | None = None
    """What this engine is, where it is the one that computes beforehand."""

    def during(self, what: str) -> Engine:
        """The same engine for jobs that are a part of something, whose name its events put before their stage."""
        listener = self.listener
        if listener is None:
            return self
        return replace(self, listener=lambda event: listener(replace(event, stage=f"{what}, {event.stage}")))

    def run(self, job: Job[S, R], pool: WorkerPool[S, R] | None = None) -> bool:
        """Do all shards that the job's sink lacks; gives whether ``enough`` ended it before the last of them.

        Shards that another process has claimed are waited for, not done again. When shards fail, the error of the
        first of them is raised, whoever came upon it, so that serial and parallel runs say the same. After an interrupt
        the shards that are being done come to their end and are kept. ``pool`` keeps workers open between calls;
        without it they are freed at the end.
        """
        if pool is None:
            with closing(WorkerPool(job.work)) as own:
                return self.run(job, own)
        with self._turn(), single_threaded_opencv(), only_new_garbage(), closing(self._crew(job, pool)) as crew:
            return _Dispatch(job, crew, self.listener, self.limit_s, self.helper).run()

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self.turns is None or self.helper is not None else self.turns.taken()

    def _crew(self, job: Job[S, R], pool: WorkerPool[S, R]) -> Crew[S, R]:
        executor = self.executor.executor if isinstance(self.executor, Later) else self.executor
        if executor is None:
            return Threads(self.cores, pool, None if self.helper is None else self.helper.threads)
        if isinstance(executor, Cluster):
            return executor.crew(job, self.limit_s)
        return Elsewhere(executor, pool, self.executor_width or 2 * self.cores.count, self.limit_s)


@contextmanager
def private_engine(cores: int = 1) -> Iterator[Engine]:
    """An engine that shares its cores with nobody."""
    with run_folder("cores-") as folder:
        yield Engine(CorePool(Path(folder), cores))


@dataclass(frozen=True)
class _Flight(Generic[S]):
    """A shard that is being done."""

    shard: S
    release: Release
    beat: Beat
    since: float


class _Dispatch(Generic[S, R]):
    """One run of one job; everything here happens on the thread that asked for it."""

    def __init__(
        self,
        job: Job[S, R],
        crew: Crew[S, R],
        listener: Listener | None,
        limit_s: float | None,
        helper: Helper | None = None,
    ) -> None:
        self._helper = helper
        self._job = job
        self._crew = crew
        self._sink = job.sink
        self._limit_s = limit_s
        self._watch_s = None if limit_s is None and helper is None else min(_WATCH_S, (limit_s or math.inf) / 10)
        self._poll_s = _POLL_S
        self._fresh = iter(job.shards)
        self._postponed: deque[S] = deque()
        self._running: dict[Future[R], _Flight[S]] = {}
        self._error: tuple[int, BaseException] | None = None
        self._dropped: CancelledError | None = None
        self._log = Log(job, listener)
        self._order = _InOrder(job.enough)

    def run(self) -> bool:
        self._log.started()
        try:
            while self._fill() or self._running:
                self._reap()
            if self._error is not None:
                raise self._error[1]
            if self._dropped is not None and not self._order.stopped:
                raise told(self._dropped)  # not by this engine: without an error here it drops none that is needed
        except BaseException as error:
            self._log.failed(error)
            raise
        finally:
            self._abandon()
        self._log.finished(self._order.stopped)
        return self._order.stopped

    def _fill(self) -> bool:
        """Hand out shards while there is room; gives whether some wait for another process."""
        retries = len(self._postponed)
        if self._helper is not None and self._helper.holds_back():
            return True
        while len(self._running) < self._crew.width and not self._order.stopped:
            shard = None if self._error is not None else next(self._fresh, None)
            if shard is None:
                if retries == 0:
                    break
                retries -= 1
                shard = self._postponed.popleft()
            self._start(shard)
        return bool(self._postponed) and not self._order.stopped

    def _start(self, shard: S) -> None:
        if self._error is not None and shard.index > self._error[0]:
            return
        lacking = self._sink.lacking(shard)
        if lacking is None:
            self._done(shard, None)
            return
        helper, claim = self._helper, partial(self._sink.claim, lacking)
        release = claim() if helper is None else helper.claim(self._job.model, claim)
        if release is None:
            self._postponed.append(shard)
            return
        try:
            lacking = self._sink.lacking(shard)  # again: it may have been done between the look and the claim
            if lacking is not None:
                future, beat = self._crew.submit(lacking)
                self._running[future] = _Flight(shard, release, beat, time.perf_counter())
                return
        except BaseException:
            release()
            raise
        release()
        self._done(shard, None)

    def _reap(self) -> None:
        if not self._running:  # another process is at it: longer each time, until one of its shards is done
            time.sleep(self._poll_s)
            self._poll_s = min(1.5 * self._poll_s, _MOST_POLL_S)
            return
        done, _ = wait(self._running, self._poll_s if self._postponed else self._watch_s, FIRST_COMPLETED)
        for future in sorted(done, key=lambda future: self._running[future].shard.index):
            self._land(future)
        if self._limit_s is not None:
            self._give_up_overdue(self._limit_s)

    def _land(self, future: Future[R]) -> None:
        flight = self._running[future]
        try:
            error = CancelledError() if future.cancelled() else future.exception()
            error = error or _refused(self._sink, flight.shard, future.result())
            if error is None:
                self._done(flight.shard, flight.since)
            elif isinstance(error, CancelledError):
                self._dropped = error
            else:
                if isinstance(error, OverdueError):  # told where it was done
                    self._sink.gave_up(flight.shard, error)
                self._note(flight.shard, told(error))
        finally:
            flight.release()
            self._running.pop(future, None)

    def _note(self, shard: S, error: BaseException) -> None:
        if self._order.stopped:
            return  # it is behind the last shard that was needed, and was begun before that one was known
        if self._error is None or shard.index < self._error[0]:
            self._error = (shard.index, error)
            self._cancel(behind=shard.index)

    def _cancel(self, *, behind: int) -> None:
        """Drop the shards behind one that nobody has begun with."""
        for future, flight in self._running.items():
            if flight.shard.index > behind:
                future.cancel()

    def _done(self, shard: S, since: float | None) -> None:
        self._poll_s = _POLL_S
        self._log.done(shard, since)
        if self._order.done(shard):
            self._error = None  # what fails behind the last shard that was needed does not matter
            self._cancel(behind=-1)

    def _give_up_overdue(self, limit_s: float) -> None:
        for future, flight in list(self._running.items()):
            error = flight.beat.overdue(limit_s)
            if error is not None and not future.done():
                flight.beat.give_up()
                self._crew.give_up(future)
                del self._running[future]
                self._sink.gave_up(flight.shard, error)
                flight.release()
                self._note(flight.shard, error)

    def _abandon(self) -> None:
        """After an interrupt or an error: what is being done comes to its end, what waits is dropped."""
        self._cancel(behind=-1)
        while self._running:
            wait(self._running, self._watch_s)
            for future in [future for future in self._running if future.done()]:
                self._land(future)
            if self._limit_s is not None:
                self._give_up_overdue(self._limit_s)


def _refused(sink: Sink[S, R], shard: S, result: R) -> BaseException | None:
    """Hand a result on; gives why it cannot be used."""
    try:
        sink.put(shard, result)
    except QuantError as error:
        return error
    return None


class _InOrder(Generic[S]):
    """Tells of shards in their order, whichever was done first."""

    def __init__(self, enough: Callable[[S], bool] | None) -> None:
        self._enough = enough
        self._ahead: dict[int, S] = {}
        self._next: int = 0
        self.stopped = False

    def done(self, shard: S) -> bool:
        """Take note of a shard; gives whether it is with this one that there are enough."""
        if self._enough is None or self.stopped:
            return False
        self._ahead[shard.index] = shard
        while self._next in self._ahead and not self.stopped:
            self.stopped = self._enough(self._ahead.pop(self._next))
            self._next += 1
        return self.stopped
