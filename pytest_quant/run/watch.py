"""Somebody who outlives the run: where its process dies without a word, there is a report all the same.

A shell waits at the other end of a pipe. It takes next to nothing, and becomes the Python process that reports
(`mourning`) only where the pipe closes without the word that all is done.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pytest_quant.evaluation.alive import hold_for_another
from pytest_quant.plugin.settings import Settings
from pytest_quant.run.diary import Diary
from pytest_quant.run.xdist import death_of
from pytest_quant.spec.errors import StorageError

WILL = "will.pickle"
_DONE = b"done\n"
_WAIT = """
read -r word
[ "$word" = done ] && exit 0
{ read -r stat < "/proc/$0/stat"; } 2> /dev/null
exec "$@" "$stat"
"""
"""The dead process's line in Linux's /proc ends with how it ended; it is there until its parent has asked for that."""
_TELL = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from pytest_quant.run.mourning import mourn; mourn(*sys.argv[2:])"
)
"""Not ``-m``, which would let the working folder bring modules of its own."""
_SHELL = "/bin/sh"
_END_S = 5.0


@dataclass(frozen=True)
class Will:
    """What a process leaves to whoever reports in its place."""

    settings: Settings
    rootdir: Path
    started: str
    """In ISO 8601."""
    has_workers: bool
    """Whether workers of pytest-xdist run its tests."""


def read_will(run_dir: Path) -> Will:
    """What the process of a run has left; raises `StorageError` where that is damaged."""
    content = (run_dir / WILL).read_bytes()
    try:
        will: Will = pickle.loads(content)  # noqa: S301 - of this same program, in a folder of ours
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError) as error:
        raise StorageError(f"{run_dir / WILL} is damaged") from error
    return will


def watch_over(config: pytest.Config, settings: Settings, run_dir: Path, *, has_workers: bool) -> None:
    """Have somebody wait for the end of this process, which reports; not on Windows."""
    if os.name == "posix" and os.path.exists(_SHELL):
        watch = Watch(settings, run_dir, config.rootpath, has_workers=has_workers)
        config.pluginmanager.register(watch, "quant-watch")
        config.add_cleanup(watch.end)


class Watch:
    """A plugin of a process that reports: it keeps a diary, and has somebody wait for its end."""

    def __init__(self, settings: Settings, run_dir: Path, rootdir: Path, *, has_workers: bool) -> None:
        started = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._will = Will(settings, rootdir, started, has_workers)
        self._run_dir = run_dir
        self._diary: Diary | None = None
        self._waiting: subprocess.Popen[bytes] | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Begin where there is something to tell of; nothing is captured at this point."""
        has_tests = session.testscollected or self._will.has_workers  # which collect them
        if has_tests and not session.config.option.collectonly:
            with suppress(OSError):  # the run goes on without being watched
                self._begin()
        return (yield)

    def _begin(self) -> None:
        (self._run_dir / WILL).write_bytes(pickle.dumps(self._will))
        self._diary = Diary(self._run_dir)
        lock = hold_for_another(self._run_dir)
        try:
            tell = [sys.executable, "-c", _TELL, json.dumps(sys.path), str(self._run_dir), str(lock)]
            self._waiting = subprocess.Popen(
                [_SHELL, "-c", _WAIT, str(os.getpid()), *tell],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # Ctrl-C, and the end of a process group, are not for it
                pass_fds=(lock,),
            )
        finally:
            os.close(lock)
        _watching.add(self)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note what runs."""
        if self._diary is not None:
            with suppress(OSError):
                self._diary.begun(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what it told; a worker that died leaves a report that tells nothing."""
        wire, death = getattr(report, "quant", None), death_of(report)
        if self._diary is None:
            return
        with suppress(OSError):
            if wire is not None:
                self._diary.told(report.nodeid, wire)
            elif death is not None:
                reason, runs_again = death
                self._diary.died(report.nodeid, reason, runs_again=runs_again)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note that it ended."""
        if self._diary is not None:
            with suppress(OSError):
                self._diary.ended(nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """All is told when the other plugins have reported."""
        result = yield
        self.end()
        return result

    def end(self) -> None:
        """Nobody need tell anything."""
        if self._diary is not None:
            self._diary.close()
        if self._waiting is None or self._waiting.stdin is None:
            return
        with suppress(OSError):  # it is gone
            self._waiting.stdin.write(_DONE)
        self._waiting.stdin.close()
        try:
            self._waiting.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._waiting.kill()
            self._waiting.wait()
        self._waiting = self._diary = None

    def forget(self) -> None:
        """In a fork of the process: the pipe is to close with the process itself."""
        if self._waiting is not None and self._waiting.stdin is not None:
            self._waiting.stdin.close()
            self._waiting.returncode = 0  # it is no child of this one, which need not wait for it
        self._waiting = self._diary = None


_watching: weakref.WeakSet[Watch] = weakref.WeakSet()


def _forget_all() -> None:
    for watch in list(_watching):
        watch.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
