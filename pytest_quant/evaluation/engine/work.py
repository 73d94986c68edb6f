"""What an engine runs: shards, the work that is done on them, and where the results go.

A `Work` and its shards are small and pickle, so that they can cross to another process or machine; what a `Work` opens
(loaded nets) stays where it was opened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pytest_quant.evaluation.engine.events import DropSoFar
from pytest_quant.spec.errors import OverdueError


class AnyShard(Protocol):
    """A part of a job that is done in one go: some tenths of a second of work."""

    @property
    def index(self) -> int:
        """Its place in the job, from 0: the error of the first failing shard is the job's."""
        ...

    @property
    def sample_count(self) -> int:
        """How many samples it holds."""
        ...


S = TypeVar("S", bound=AnyShard)
R = TypeVar("R")
S_contra = TypeVar("S_contra", bound=AnyShard, contravariant=True)
R_co = TypeVar("R_co", covariant=True)
R_contra = TypeVar("R_contra", contravariant=True)

Note = Callable[[str], None]
"""Is told what a worker turns to next, such as ``sample cat.png, int8``: the limit of time counts anew from there."""

Release = Callable[[], None]
"""Gives a claim back; from any thread."""


class Worker(Protocol[S_contra, R_co]):
    """Does shards one after the other, for one thread at a time."""

    def run(self, shard: S_contra, note: Note) -> R_co:
        """Do one shard."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class Work(Protocol[S_contra, R_co]):
    """What is done on every shard of a job."""

    def open(self) -> Worker[S_contra, R_co]:
        """A worker; called where it will work, once for all shards that it does there."""
        ...


class Sink(Protocol[S, R_contra]):
    """Where the results of shards go; used by one thread."""

    def lacking(self, shard: S) -> S | None:
        """What of a shard is still to be done; None when nothing is."""
        ...

    def claim(self, shard: S) -> Release | None:
        """Claim a shard for doing it; None, at once, when another process is at it."""
        ...

    def put(self, shard: S, result: R_contra) -> None:
        """Take a result."""
        ...

    def gave_up(self, shard: S, error: OverdueError) -> None:
        """A shard takes too long, and its claim is about to be given back: nobody is to begin with it anew."""
        ...


class Collected(Generic[S, R]):
    """A sink that keeps the results of this process alone, in memory."""

    def __init__(self) -> None:
        self._results: dict[int, R] = {}

    def lacking(self, shard: S) -> S | None:
        """All of it."""
        return shard

    def claim(self, shard: S) -> Release | None:
        """Nobody else does it."""
        return _nothing

    def put(self, shard: S, result: R) -> None:
        """Keep it."""
        self._results[shard.index] = result

    def gave_up(self, shard: S, error: OverdueError) -> None:
        """Nobody else does it."""

    @property
    def in_order(self) -> list[R]:
        """The results in the order of their shards."""
        return [result for _, result in sorted(self._results.items(), key=lambda found: found[0])]


@dataclass(frozen=True)
class Job(Generic[S, R]):
    """Shards that are done together."""

    model: str
    """Which model it is for, as people know it."""
    stage: str
    """What is done, in words: ``evaluation`` or ``calibration, absmax``."""
    work: Work[S, R]
    shards: Iterable[S]
    """In the order of their indices; taken from here when there is room for one more."""
    sink: Sink[S, R]
    samples: int | None = None
    """How many all shards hold; None: not known."""
    nets: tuple[str, ...] = ()
    """The nets that it runs, for those who watch."""
    enough: Callable[[S], bool] | None = None
    """Told of every shard that is done, in their order without gaps; True: the rest is not needed."""
    tally: Callable[[S], dict[str, dict[str, int]]] | None = None
    """Metric to net to how many samples of a shard it has right; asked where somebody listens."""
    drop: Callable[[S], DropSoFar | None] | None = None
    """Told of every shard that is done where somebody listens: the drop so far, or None where there is no news."""


class WorkerPool(Generic[S, R]):
    """Opened workers; a thread borrows one, so that the next shard finds its nets loaded."""

    def __init__(self, work: Work[S, R]) -> None:
        self.work = work
        self._idle: list[Worker[S, R]] = []
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self) -> Iterator[Worker[S, R]]:
        """A worker, for one thread at a time."""
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = self.work.open()
        try:
            yield worker
        finally:
            with self._lock:
                self._idle.append(worker)

    def close(self) -> None:
        """Free all workers; none may be borrowed."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()


def _nothing() -> None:
    """Gives back a claim that nobody else could make."""
