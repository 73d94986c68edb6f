"""The process that reports shows what all processes of the run are at."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from pytest_quant.evaluation.engine.events import EventReader
from pytest_quant.run.progress.lines import job_line
from pytest_quant.run.progress.screen import Screen
from pytest_quant.run.progress.state import Running

EVENTS = "events"
"""Folder below that of the run, to which all processes write what they are at."""

DRAW_EVERY_S = 0.25
LOG_EVERY_S = 60.0
"""In a log each model that is running has a line so often, the first when it has been running for so long."""
_LONGEST_LINE = 10_000


class Progress:
    """Hooks of that process; a thread reads and draws while tests run."""

    def __init__(self, config: pytest.Config, run_dir: Path, confidence: float) -> None:
        self._config = config
        self._reader = EventReader(run_dir / EVENTS)
        self._confidence = confidence
        self._running = Running()
        self._is_over = threading.Event()
        self._is_paused = False
        self._logged: dict[tuple[str, str], float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Show progress while tests run; nothing is captured at this point."""
        screen = _screen(self._config)
        if screen is None:
            return (yield)
        # With -s anybody may write to the terminal, and nothing can be drawn beside that.
        is_live = screen.is_terminal and self._config.getoption("capture", "fd") != "no"
        name = "pytest-quant-progress"
        thread = threading.Thread(target=self._work, args=(screen, is_live), name=name, daemon=True)
        thread.start()
        try:
            return (yield)
        finally:
            self._is_over.set()
            thread.join()
            screen.close()

    def pytest_enter_pdb(self) -> None:
        """The terminal is the debugger's."""
        self._is_paused = True

    def pytest_leave_pdb(self) -> None:
        """It is pytest's again."""
        self._is_paused = False

    def _work(self, screen: Screen, is_live: bool) -> None:
        every_s = min(DRAW_EVERY_S if is_live else 1.0, LOG_EVERY_S)
        while not self._is_over.wait(every_s):
            now_s = time.monotonic()
            try:
                for event in self._reader.new():
                    self._running.fold(event, now_s)
                self._show(screen, is_live, now_s)
            except OSError:  # the terminal, or the folder of the run, is gone: the run goes on without being watched
                return

    def _show(self, screen: Screen, is_live: bool, now_s: float) -> None:
        if self._is_paused:
            screen.erase()
        elif is_live:
            self._draw(screen, now_s)
        else:
            self._log(screen, now_s)

    def _draw(self, screen: Screen, now_s: float) -> None:
        columns, rows = screen.size()
        jobs = self._running.jobs()[: max(rows - 2, 0)]
        screen.draw([job_line(job, now_s, columns - 1, self._confidence) for job in jobs])

    def _log(self, screen: Screen, now_s: float) -> None:
        for job in self._running.jobs():
            last_s = max(self._logged.get((job.model, job.stage), job.since_s), job.since_s)
            if now_s - last_s >= LOG_EVERY_S:
                self._logged[job.model, job.stage] = now_s
                screen.write_line(f"quant: {job_line(job, now_s, _LONGEST_LINE, self._confidence)}")


def _screen(config: pytest.Config) -> Screen | None:
    """None where pytest's own writer is not what writes: without a terminal reporter, or with one of another kind."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    kind = getattr(pytest, "TerminalReporter", None)  # public from pytest 8.4 on
    if reporter is None or not (hasattr(reporter, "currentfspath") if kind is None else isinstance(reporter, kind)):
        return None
    return Screen(reporter, config.get_terminal_writer())
