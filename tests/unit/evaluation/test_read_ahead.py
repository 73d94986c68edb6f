"""Files are read before their turn where reading them is waited for, and only there."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation import read_ahead
from pytest_quant.evaluation.read_ahead import SLOW_S, ReadAhead
from pytest_quant.spec.errors import DatasetError


@dataclass
class Files:
    """Samples by name; notes which are asked for."""

    folder: Path

    def read(self, sample: Sample, *, orient: bool = True) -> bytes:
        return self.content(sample).read_bytes()

    def content(self, sample: Sample) -> Path:
        if sample.id == "broken":
            raise OSError(f"{sample.id}: gone")
        return self.folder / sample.id


@dataclass
class Drive:
    """What `_fetch` is replaced with: takes long, and notes what was fetched."""

    takes_s: float
    fetched: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, path: Path) -> None:
        time.sleep(self.takes_s)
        with self._lock:
            self.fetched.append(path.name)


def samples(*names: str) -> list[Sample]:
    return [Sample(id=name, source=Path(name), truth=0) for name in names]


def waits(ahead: ReadAhead, seconds: float, times: int = 20) -> None:
    for _ in range(times):
        ahead.behind(ahead.before() - seconds)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch) -> Drive:
    found = Drive(3 * SLOW_S)
    monkeypatch.setattr(read_ahead, "_fetch", found.fetch)
    return found


def test_what_lies_in_memory_is_asked_for_by_nobody(tmp_path: Path, drive: Drive) -> None:
    ahead = ReadAhead()
    waits(ahead, 0)
    ahead.soon(Files(tmp_path), samples("a", "b"))
    time.sleep(4 * drive.takes_s)
    assert (ahead.is_on, drive.fetched) == (False, [])


def test_a_slow_drive_is_asked_for_each_file_once(tmp_path: Path, drive: Drive) -> None:
    ahead = ReadAhead()
    waits(ahead, 10 * SLOW_S)
    assert ahead.is_on
    ahead.soon(Files(tmp_path), samples("a", "broken", "b"))
    ahead.soon(Files(tmp_path), samples("b", "c"))
    until(lambda: len(drive.fetched) == 3)
    assert sorted(drive.fetched) == ["a", "b", "c"]


def test_files_that_turn_out_to_lie_in_memory_end_it(tmp_path: Path, drive: Drive) -> None:
    drive.takes_s = 0
    ahead = ReadAhead()
    waits(ahead, 10 * SLOW_S)
    ahead.soon(Files(tmp_path), samples(*map(str, range(300))))
    until(lambda: not ahead.is_on)
    ahead.soon(Files(tmp_path), samples("later"))
    until(lambda: len(drive.fetched) == 300)
    assert "later" not in drive.fetched


def test_whoever_waits_is_not_held_up_by_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(bytes(3 << 20))
    ahead = ReadAhead()
    waits(ahead, 10 * SLOW_S)
    ahead.soon(Files(tmp_path), samples("gone", "folder", "large"))
    ahead.soon(object(), samples("a"))  # a dataset that has no files
    until(lambda: not any(thread.name == "pytest-quant-read-ahead" for thread in threading.enumerate()))


def test_a_url_that_gives_nothing_ends_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def refuse(path: Path) -> None:
        tried.append(path.name)
        raise DatasetError(f"{path}: the server refuses")

    monkeypatch.setattr(read_ahead, "_fetch", refuse)
    ahead = ReadAhead()
    waits(ahead, 10 * SLOW_S)
    names = [str(number) for number in range(2 * read_ahead.THREADS)]
    ahead.soon(Files(tmp_path), samples(*names))
    until(lambda: not any(thread.name == "pytest-quant-read-ahead" for thread in threading.enumerate()))
    assert sorted(tried) == sorted(names)
    assert ahead._threads == 0


def test_a_dataset_without_files_is_asked_once() -> None:
    """Its contents are bytes, which it may have to read."""
    asked: list[str] = []

    class Archive:
        def read(self, sample: Sample, *, orient: bool = True) -> bytes:
            return self.content(sample)

        def content(self, sample: Sample) -> bytes:
            asked.append(sample.id)
            return b"pixels"

    ahead = ReadAhead()
    waits(ahead, 10 * SLOW_S)
    ahead.soon(Archive(), samples("a", "b", "c"))
    assert asked == ["a"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
def test_a_fork_does_not_wait_for_what_its_parent_held() -> None:
    with read_ahead.OF_THIS_PROCESS._lock:
        context = multiprocessing.get_context("fork")
        child = context.Process(target=_take_lock)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, where other threads live
            child.start()
        child.join(20)
    assert child.exitcode == 0
    child.close()


def _take_lock() -> None:
    assert read_ahead.OF_THIS_PROCESS._lock.acquire(timeout=5)
