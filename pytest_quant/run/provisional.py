"""Reports written while the run is on, so that they are there whatever ends it.

A container whose first process ends, or a control group that is ended as a whole, takes everything with it that could
write a report afterwards; and on Windows nobody waits for the end of a run.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from contextlib import suppress
from pathlib import Path

from pytest_quant.evaluation.files import replace_file
from pytest_quant.plugin.settings import Settings
from pytest_quant.run.plan import PlannedTest, read_plan
from pytest_quant.run.told import Told
from pytest_quant.spec.errors import StorageError

REASON = (
    "the run has come as far as this test: unless it is still on it was ended here, with all that could have told of it"
)
_SHARE = 0.02
"""Of the run's time writing may take so much,"""
_CREDIT_S = 0.3
"""and so much beside: all tests of a small run are told of at once, and of a large one the last that began."""
_NOTE = "provisional.json"
_OWN_WRITERS = ("pytest_quant.report.write", "pytest_quant.report.html.write")
"""Somebody else's may send its reports away."""


class Provisional:
    """A plugin of the process that reports: what the reports would be if all ended with the tests that run."""

    def __init__(self, told: Told, settings: Settings, run_dir: Path) -> None:
        """``told``: what the tests tell, as long as the run is on."""
        self._told = told
        self._paths = settings.reports
        self._run_dir = run_dir
        self._tests: tuple[PlannedTest, ...] = ()
        self._running: list[str] = []
        self._lock = threading.Lock()
        self._begun_s: float | None = None
        self._spent_s = 0.0
        self._later: threading.Timer | None = None
        self._is_over = not self._paths

    def pytest_runtestloop(self) -> None:
        """Nothing has run yet."""
        self.begin()

    def begin(self) -> None:
        """Write, where it is known by now what is to run: no report of an earlier run is to be taken for its own."""
        with self._lock:
            if not self._is_over:
                self._write()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell that it runs, at once if nothing was written lately."""
        self._running.append(nodeid)
        with self._lock:
            if self._is_over or self._later is not None:
                return
            rest_s = self._rest_s()
            if rest_s <= 0:
                self._write()
                return
            self._later = threading.Timer(rest_s, self._write_later)
            self._later.daemon = True
            self._later.start()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """It does not run any more."""
        with suppress(ValueError):  # its beginning was not told
            self._running.remove(nodeid)

    def end(self) -> None:
        """Write nothing more: the reports themselves come."""
        with self._lock:
            self._is_over = True
            if self._later is not None:
                self._later.cancel()

    def _write_later(self) -> None:
        with self._lock:
            self._later = None
            if not self._is_over:
                self._write()

    def _rest_s(self) -> float:
        """How long nothing is to be written from now on."""
        if self._begun_s is None:
            return 0.0
        return (self._spent_s - _CREDIT_S) / _SHARE - (time.perf_counter() - self._begun_s)

    def _write(self) -> None:
        started_s = time.perf_counter()
        with suppress(OSError, StorageError):  # the reports themselves will meet it, and say so
            self._tests = self._tests or read_plan(self._run_dir).tests
            if not self._tests:
                return
            self._write_all()
        ended_s = time.perf_counter()
        if self._begun_s is None:  # the first time loads what writes, as the end of the run would
            self._begun_s = ended_s
        else:
            self._spent_s += ended_s - started_s

    def _write_all(self) -> None:
        from pytest_quant.extending.known import active

        report = self._told.if_ended_now(self._tests, dict.fromkeys(self._running, REASON))
        for path in self._paths:
            writer = active().reports.get(path.suffix)
            if writer.__module__ not in _OWN_WRITERS:
                continue
            draft = self._run_dir / f"provisional{path.suffix}"
            writer(report, draft)
            data = draft.read_bytes()
            _note(self._run_dir, path, data)
            replace_file(path, data)


def is_provisional(path: Path, run_dir: Path) -> bool:
    """Whether a report that is there is one of these, of that run; raises `OSError`."""
    return _digest(path.read_bytes()) in _noted(run_dir).get(str(path), ())


def _note(run_dir: Path, path: Path, data: bytes) -> None:
    """Remember, before it is there, what is about to be there; and what was, in case it does not come to that."""
    noted = _noted(run_dir)
    noted[str(path)] = [*noted.get(str(path), ())[-1:], _digest(data)]
    replace_file(run_dir / _NOTE, json.dumps(noted).encode())


def _noted(run_dir: Path) -> dict[str, list[str]]:
    file = run_dir / _NOTE
    try:
        found: dict[str, list[str]] = json.loads(file.read_bytes()) if file.exists() else {}
    except ValueError:  # damaged: no report is known to be one of these
        return {}
    return found


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
