"""Tells of a run whose process has died without a word; runs in a process of its own, see `watch`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_quant.evaluation.alive import remove_dead_run_folders
from pytest_quant.extending.finding import register_found
from pytest_quant.extending.known import active, in_use, with_builtins
from pytest_quant.plugin.settings import Settings
from pytest_quant.report.terminal import counts_line
from pytest_quant.run.diary import read_diary
from pytest_quant.run.plan import read_plan
from pytest_quant.run.provisional import is_provisional
from pytest_quant.run.publishing import Publisher
from pytest_quant.run.told import Told
from pytest_quant.run.watch import WILL, Will, read_will
from pytest_quant.spec.errors import QuantError, in_words
from pytest_quant.spec.text import listed, visible

_CORE = 0x80
"""Beside a signal's number: memory was dumped."""


def mourn(run_dir: str, lock: str, stat: str = "") -> None:
    """Write what the run was asked for, with the test that ran as ``crashed``, and say so on stderr.

    ``lock``: the file descriptor that holds the folder of the run. ``stat``: the dead process's line in Linux's
    ``/proc``; empty where that is not known any more.
    """
    with in_use(with_builtins()):
        try:
            for line in _tell(Path(run_dir), how_ended(stat)):
                print(line, file=sys.stderr)
        except (OSError, QuantError) as error:
            why = in_words(error)
            print(f"pytest --quant: its process is dead, and the report cannot be made: {why}", file=sys.stderr)
    os.close(int(lock))
    remove_dead_run_folders()


def _tell(folder: Path, how: str) -> Iterator[str]:
    plan, diary, will = read_plan(folder), read_diary(folder), read_will(folder)
    if not plan.tests:
        return
    tests = Told(will.settings, folder, will.started)
    for test, wire in diary.told:
        tests.take(test, wire)
    who = "a worker" if will.has_workers else "it"
    for test, (reason, runs_again) in diary.died.items():
        tests.take_death(test, reason, runs_again=runs_again)
    for test in diary.running:
        tests.take_death(test, f"the process of the run {how} while {who} ran {test}")
    tests.account(plan.tests, stopped=True)
    report = tests.report()
    when = f"while {who} ran {visible(listed(diary.running))}" if diary.running else "between two tests"
    yield f"\npytest --quant: the process {how} {when}"
    yield counts_line(report)
    yield from _learn(tests, will)
    settings, kept = _unwritten(will.settings, folder)
    publisher = Publisher(settings, folder, will.rootdir)
    yield from publisher.write(report, {})
    yield from (visible(f"written: {path}") for path in publisher.written)
    yield from (visible(f"--quant-report: {path} was written meanwhile, and stays") for path in kept)


def _learn(tests: Told, will: Will) -> Iterator[str]:
    """Register what zoo files' own ``conftest.py`` and installed packages bring."""
    for zoo in dict.fromkeys(model.zoo for model in tests.models.values()):
        try:
            register_found(active(), will.rootdir / zoo)
        except QuantError as error:
            yield f"the report lacks a part: {error}"


def _unwritten(settings: Settings, folder: Path) -> tuple[Settings, list[Path]]:
    """What is still to be written, no baseline among it; and the reports that somebody wrote since the run began."""
    began_ns = (folder / WILL).stat().st_mtime_ns
    written = [path for path in settings.reports if path.exists() and path.stat().st_mtime_ns > began_ns]
    kept = [path for path in written if not is_provisional(path, folder)]
    reports = tuple(path for path in settings.reports if path not in kept)
    return replace(settings, update_baseline=False, reports=reports), kept


def how_ended(stat: str) -> str:
    """How a process ended, in words.

    >>> how_ended("17 (pytest) Z 1 " + "0 " * 47 + "139")
    'was ended by SIGSEGV'
    >>> how_ended("17 (pytest) Z 1 " + "0 " * 47 + "1792")
    'ended with exit status 7'
    >>> how_ended("")
    'ended without a word'
    """
    last = stat.rpartition(" ")[2]
    code = int(last) if last.isdecimal() else 0
    number = code & ~_CORE
    if not code:
        return "ended without a word"
    if code >> 8:
        return f"ended with exit status {code >> 8}"
    try:
        return f"was ended by {signal.Signals(number).name}"
    except ValueError:  # a real-time signal
        return f"was ended by signal {number}"
