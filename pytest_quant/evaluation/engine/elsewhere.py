"""Shards in another process: its nets stay loaded between the shards of a job."""

from __future__ import annotations

import os
import pickle
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

from pytest_quant.datasets import pixel_limit
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.engine.beat import Beat
from pytest_quant.evaluation.engine.work import AnyShard, Work, WorkerPool
from pytest_quant.extending.known import active, in_use_here
from pytest_quant.extending.registry import Registry
from pytest_quant.extending.travelling import Registrations, registered, registrations, unpickled
from pytest_quant.spec.errors import ConfigError, DatasetError, DatasetMissingError

T = TypeVar("T")

_KEPT_JOBS = 2
"""A process that turns to a third job frees the nets of the first."""

HOME = uuid.uuid4().hex
"""This process, and those that are forked from it, which have all that it has."""

AnyWork: TypeAlias = Work[Any, Any]
AnyPool: TypeAlias = WorkerPool[Any, Any]

_pools: OrderedDict[str, AnyPool] = OrderedDict()
_lock = threading.Lock()


@runtime_checkable
class ChecksShards(Protocol):
    """Work that can tell whether this machine has the samples that a shard was cut from."""

    def check(self, shard: Any) -> None:
        """Raise `DatasetError` where it does not."""
        ...


@dataclass(frozen=True)
class Parcel:
    """A job as it travels to another process."""

    job: str
    """Names it: the nets that were loaded for its other shards are used again."""
    work: bytes
    """Pickled; unpickled where what was registered is known."""
    registrations: Registrations
    max_pixels: int
    limit_s: float | None
    """Longest time for one sample; None: any."""
    home: str = HOME

    @classmethod
    def of(
        cls, work: AnyWork, limit_s: float | None, pickled: Callable[[object], bytes], job: str | None = None
    ) -> Parcel:
        """Raises `ConfigError` for work that does not pickle, such as with classes that are defined in functions."""
        limit = pixel_limit.max_pixels()
        return cls(job or uuid.uuid4().hex, told_pickle(work, pickled), registrations(), limit, limit_s)


def told_pickle(value: object, pickled: Callable[[object], bytes] = pickle.dumps) -> bytes:
    """A value pickled; raises `ConfigError` for one that cannot be."""
    try:
        return pickled(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"the work cannot be sent to another process: {error}; tasks, datasets and net formats of your own must "
            "pickle: define their classes at the top of a module"
        ) from error


def run_here(pool: AnyPool, shard: AnyShard, limit_s: float | None) -> object:
    """Do one shard on another thread of the process whose job it is: nothing has to pickle."""

    def run(beat: Beat) -> object:
        beat.note("loading")
        with single_threaded_opencv(), pool.borrow() as worker:
            return worker.run(shard, beat.note)

    return _within(limit_s, run)


def run_elsewhere(parcel: Parcel, shard: bytes) -> object:
    """Do one shard of a job in the process that this is called in.

    Raises `DatasetError` where this machine lacks the dataset or has another one.
    """
    if parcel.home == HOME:
        registry = active()
        return _within(parcel.limit_s, lambda beat: _in_registry(registry, parcel, pickle.loads(shard), beat))  # noqa: S301
    pixel_limit.limit_pixels(parcel.max_pixels)

    def run(beat: Beat) -> object:
        with registered(parcel.registrations):
            return _run(parcel, cast(AnyShard, unpickled(parcel.registrations, shard)), beat)

    return _within(parcel.limit_s, run)


def _in_registry(registry: Registry, parcel: Parcel, shard: AnyShard, beat: Beat) -> object:
    with in_use_here(registry):
        return _run(parcel, shard, beat)


def _run(parcel: Parcel, shard: AnyShard, beat: Beat) -> object:
    beat.note("loading")
    try:
        pool, work = _pool(parcel)
    except DatasetMissingError as error:
        raise DatasetError(
            f"{_here()} does not see the dataset, which must lie at the same place there: {error}"
        ) from None
    if parcel.home != HOME and isinstance(work, ChecksShards):
        try:
            work.check(shard)
        except DatasetError as error:
            raise DatasetError(f"{_here()} {error}") from None
    with single_threaded_opencv(), pool.borrow() as worker:
        return worker.run(shard, beat.note)


def _here() -> str:
    import socket

    return f"{socket.gethostname()} (process {os.getpid()})"


def _pool(parcel: Parcel) -> tuple[AnyPool, AnyWork]:
    with _lock:
        if parcel.job not in _pools:
            is_home = parcel.home == HOME
            work = pickle.loads(parcel.work) if is_home else unpickled(parcel.registrations, parcel.work)  # noqa: S301
            _pools[parcel.job] = WorkerPool(cast(AnyWork, work))
        _pools.move_to_end(parcel.job)
        found = _pools[parcel.job]
        old = [_pools.pop(name) for name in list(_pools)[:-_KEPT_JOBS]]
    for pool in old:
        pool.close()  # one that another thread has borrowed comes back later, and is freed with the pool
    return found, found.work


def _within(limit_s: float | None, run: Callable[[Beat], T]) -> T:
    """What ``run`` gives; raises `OverdueError` where a sample takes too long, and leaves its thread to itself."""
    beat = Beat()
    if limit_s is None:
        return run(beat)
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(run(beat))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, name="pytest-quant-shard", daemon=True).start()
    while not wait([future], min(0.5, limit_s / 10)).done:
        overdue = beat.overdue(limit_s)
        if overdue is not None:
            beat.give_up()
            raise overdue
    return future.result()
