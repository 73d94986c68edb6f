"""The cores that one run may use, shared between its processes: whoever computes holds one of them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

from pytest_quant.evaluation.locks import HeldLock, try_lock
from pytest_quant.spec.errors import StorageError, told

_POLL_S = 0.01


def available_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class CorePool:
    """``count`` cores as file locks in ``folder``: a lock ends with the process that held it, however it ends."""

    def __init__(self, folder: Path, count: int) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"the folder of a run's cores cannot be made: {told(error, folder)}") from error
        self._folder = folder
        self.count = count

    @contextmanager
    def core(self) -> Iterator[None]:
        """Hold one core; waits for one when all are in use."""
        held = self.acquire()
        assert held is not None, "only `unless` ends the wait without a core"  # noqa: S101
        try:
            yield
        finally:
            held.release()

    def acquire(self, unless: Callable[[], bool] | None = None) -> HeldCore | None:
        """Wait for a core; None when ``unless`` says meanwhile that none is needed any more.

        Raises `StorageError` where there cannot be a lock.
        """
        while unless is None or not unless():
            for index in range(self.count):
                path = self._folder / f"core-{index}.lock"
                try:
                    lock = try_lock(path)
                except OSError as error:
                    raise StorageError(f"a core of the run cannot be taken: {told(error, path)}") from error
                if lock is not None:
                    return HeldCore(lock)
            time.sleep(_POLL_S)
        return None


@dataclass(frozen=True)
class HeldCore:
    """A core that somebody holds."""

    _lock: HeldLock

    def release(self) -> None:
        """Give it back, from any thread; a second time does nothing."""
        self._lock.release()


class _OpenCvThreads:
    """How many threads OpenCV had before it was kept from starting any, and how often that is wanted at the moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = 0
        self._before = 1

    def keep(self) -> None:
        with self._lock:
            if self._wanted == 0:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._wanted += 1

    def give_back(self) -> None:
        with self._lock:
            self._wanted -= 1
            if self._wanted == 0:
                cv2.setNumThreads(self._before)


_opencv = _OpenCvThreads()


@contextmanager
def single_threaded_opencv() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own beside those that hold a core; several threads may want that."""
    _opencv.keep()
    try:
        yield
    finally:
        _opencv.give_back()
