"""(k) Files that each take long when they are opened first, as on a network drive, beside files in memory."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from benchmarks.speed.models import REAL
from benchmarks.speed.rows import Row
from benchmarks.speed.sample import evaluation, row
from pytest_quant.evaluation import read_ahead
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.spec.model import ModelSpec

OPENING_S = 0.003
"""What a file server in the same building takes for a small file that nobody asked for lately."""
SAMPLES = {"squeezenet": 400, "resnet20": 2000}


def rows(models: dict[str, ModelSpec], rounds: int) -> Iterator[Row]:
    """Wall on one core: in turns with files in memory, on the drive, and on the drive where nobody reads ahead."""
    for name in REAL:
        model, samples = models[name], SAMPLES[name]
        memory_s, drive_s, waiting_s = [], [], []
        with single_threaded_opencv(), tempfile.TemporaryDirectory() as made:
            for _ in range(rounds):
                memory_s.append(evaluation(model, samples, 1, Path(made))[1])
                with slow_files(made):
                    drive_s.append(evaluation(model, samples, 1, Path(made))[1])
                with slow_files(made), nobody_reads_ahead():
                    waiting_s.append(evaluation(model, samples, 1, Path(made))[1])
        what = f"{name}, {samples} files of {1000 * OPENING_S:g} ms each: wall"
        seen = {"s": sorted(drive_s)[rounds // 2], "s in memory": sorted(memory_s)[rounds // 2]}
        yield row("k", f"{what} / in memory", drive_s, memory_s, "", seen)
        yield row("k", f"{what} / in memory, not ahead", waiting_s, memory_s, "", {})


@contextmanager
def slow_files(beside: str) -> Iterator[None]:
    """A file that is opened for the second time takes `OPENING_S`, unless it lies under ``beside``.

    The first time is for its digest, which a second run has; from the third time on the system has it in memory.
    """
    opened: Counter[str] = Counter()
    real = os.open
    read_ahead.OF_THIS_PROCESS.begin()

    def slow(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if not flags & (os.O_WRONLY | os.O_RDWR) and not str(path).startswith(beside):
            opened[str(path)] += 1
            if opened[str(path)] == 2:
                time.sleep(OPENING_S)
        return real(path, flags, mode, dir_fd=dir_fd)

    with mock.patch.object(os, "open", slow):
        yield


@contextmanager
def nobody_reads_ahead() -> Iterator[None]:
    """As if no drive were slow."""
    before, read_ahead.SLOW_S = read_ahead.SLOW_S, float("inf")
    read_ahead.OF_THIS_PROCESS.begin()
    try:
        yield
    finally:
        read_ahead.SLOW_S = before
