"""Files of samples are read into the system's page cache before their turn comes, where reading them is waited for.

A dataset that lies in memory already, as behind the taking of its digests, costs two looks at the clock for a sample.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.pixels import KnowsContent
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.whole_file import open_descriptor

SLOW_S = 500e-6
"""Waiting for a file, on average, as on a network drive. A local disk takes a fifth of it, as much as it costs to hand
a file to another thread."""
_WEIGHT = 1 / 16
"""Of one sample in the average."""
THREADS = 8
"""Files that are waited for at the same time: on a network drive it is each that takes long, not all together."""
_MOST_BYTES = 64 << 20
"""Of one file; the rest of it is read when its turn comes."""
_CHUNK_BYTES = 1 << 20
_REMEMBERED = 4096
"""Samples that were asked for last, and are not asked for again."""


class ReadAhead:
    """Of one process, whose threads tell how long they waited for samples, and which they will come to.

    >>> ahead = ReadAhead()
    >>> since = ahead.before()
    >>> ahead.behind(since)
    >>> ahead.is_on
    False
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Nothing is known, and nobody works: a fork has neither the threads nor the lock of its parent."""
        self.is_on = False
        """Whether samples are waited for."""
        self._waited_s = 0.0
        self._fetched_s = 0.0
        self._asked: dict[Path, None] = {}
        self._paths: deque[Path] = deque()
        self._threads = 0
        self._lock = threading.Lock()

    def before(self) -> float:
        """A sample is read by this thread now; what this gives is for `behind`."""
        return time.perf_counter() - time.thread_time()

    def behind(self, since: float) -> None:
        """It was read: what passed and was not spent by the processor was waiting."""
        self._waited_s += _WEIGHT * (time.perf_counter() - time.thread_time() - since - self._waited_s)
        if not self.is_on and self._waited_s > SLOW_S:
            self._fetched_s, self.is_on = self._waited_s, True

    def soon(self, dataset: object, samples: Sequence[Sample]) -> None:
        """These samples come next. Never raises: who comes to them tells what is wrong."""
        if not self.is_on or not isinstance(dataset, KnowsContent):
            return
        with self._lock, suppress(RuntimeError):  # the system gives no more threads: fewer do it, or none
            self._paths.extend(self._new(dataset, samples))
            while self._threads < min(THREADS, len(self._paths)):
                threading.Thread(target=self._work, name="pytest-quant-read-ahead", daemon=True).start()
                self._threads += 1

    def _new(self, dataset: KnowsContent, samples: Iterable[Sample]) -> Iterator[Path]:
        for sample in samples:
            try:
                path = dataset.content(sample)
            except (OSError, QuantError):
                continue
            if not isinstance(path, Path):
                break  # its contents are bytes, for which it may have to read as much as for the pixels
            if path not in self._asked:
                self._asked[path] = None
                yield path
        while len(self._asked) > _REMEMBERED:
            del self._asked[next(iter(self._asked))]

    def _work(self) -> None:
        while (path := self._next()) is not None:
            since = self.before()
            with suppress(OSError, QuantError):  # the latter of a file at a URL
                _fetch(path)
            self._fetched_s += _WEIGHT * (time.perf_counter() - time.thread_time() - since - self._fetched_s)
            if self.is_on and self._fetched_s < SLOW_S / 4:  # they were in memory: another dataset, or all was read
                self._waited_s, self.is_on = 0.0, False

    def _next(self) -> Path | None:
        """None: nothing is left, and the thread ends."""
        with self._lock:
            if self._paths:
                return self._paths.popleft()
            self._threads -= 1
            return None


def _fetch(path: Path) -> None:
    """Have the system read a file."""
    number, size = open_descriptor(path)
    try:
        left = min(size, _MOST_BYTES)
        while left > 0 and (chunk := os.read(number, min(left, _CHUNK_BYTES))):
            left -= len(chunk)
    finally:
        os.close(number)


OF_THIS_PROCESS = ReadAhead()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=OF_THIS_PROCESS.begin)
