"""The cores that one run may use, shared between its processes: whoever computes holds one of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from filelock import FileLock, Timeout

_POLL_S = 0.01


def available_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class CorePool:
    """``count`` cores as file locks in ``folder``: a lock ends with the process that held it, however it ends."""

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.count = count

    @contextmanager
    def core(self) -> Iterator[None]:
        """Hold one core; waits for one when all are in use."""
        lock = self._acquire()
        try:
            yield
        finally:
            lock.release()

    def _acquire(self) -> FileLock:
        while True:
            for index in range(self.count):
                lock = FileLock(self._folder / f"core-{index}.lock")
                try:
                    lock.acquire(blocking=False)
                except Timeout:
                    continue
                return lock
            time.sleep(_POLL_S)


@contextmanager
def single_threaded_opencv() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own beside those that hold a core."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
