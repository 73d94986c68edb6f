"""The only place that knows pytest-xdist: what a controller tells its workers, and which modes it allows."""

from __future__ import annotations

import os
import re
from argparse import Namespace
from collections.abc import Callable, Generator
from pathlib import Path
from traceback import walk_tb
from typing import Protocol

import pytest

from pytest_quant.evaluation.alive import Alive, make_run_folder, remove_dead_run_folders, remove_run_folder
from pytest_quant.run import loading
from pytest_quant.run.beside import let_run_alone, note_death
from pytest_quant.spec.errors import told
from pytest_quant.spec.text import visible

_KEY = "quant_run_dir"
AGAIN = "rerun"
"""The outcome of a test that runs once more, as pytest-xdist's and other plugins' reports have it."""


def is_worker(config: pytest.Config) -> bool:
    """Whether this process runs tests for a controller, which reports."""
    return hasattr(config, "workerinput")


def will_be_worker() -> bool:
    """`is_worker`, as it can be told before the options are read."""
    return "PYTEST_XDIST_WORKER" in os.environ


def will_be_first() -> bool:
    """Whether this process is no worker, or the first of them: for what one of them does for all."""
    return os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"


def will_run_tests(given: Namespace) -> bool:
    """Whether this process runs tests itself, by the options as far as they are known; it need not be right."""
    spread = getattr(given, "numprocesses", None) or getattr(given, "tx", None) or getattr(given, "dist", "no") != "no"
    return will_be_worker() or not spread


def worker_count(config: pytest.Config) -> int:
    """How many workers run the tests, of which this process is one; 1 where it runs them alone, 0 in a controller."""
    if is_worker(config):
        found: int = getattr(config, "workerinput")["workercount"]  # noqa: B009 - xdist adds the attribute
        return found
    return 0 if config.getoption("dist", "no") != "no" else 1


def is_controller(config: pytest.Config) -> bool:
    """Whether this process hands all tests to workers, and runs and collects none."""
    return worker_count(config) == 0 and not config.option.collectonly


def place(config: pytest.Config) -> tuple[int, str]:
    """`worker_count`, and the name of this worker; empty where it is none."""
    return worker_count(config), getattr(config, "workerinput", {}).get("workerid", "")


def refuse_each(config: pytest.Config) -> None:
    """``--dist each`` runs every case several times over, which no report has room for."""
    if not is_worker(config) and config.getoption("dist", "no") == "each":
        raise pytest.UsageError("--quant does not work with --dist each: use -n N, with --dist load or worksteal")


def run_folder(config: pytest.Config) -> Path:
    """The folder that the processes of this run share: made by the controller, which tells its workers.

    It is held by each of its processes and ends with the controller; those of dead runs are removed.
    """
    try:
        if is_worker(config):
            folder = Path(getattr(config, "workerinput")[_KEY])  # noqa: B009 - xdist adds the attribute
            config.add_cleanup(Alive(folder).end)
            return folder
        remove_dead_run_folders()
        folder, alive = make_run_folder()
    except OSError as error:
        raise pytest.UsageError(f"--quant: the folder of the run cannot be made: {told(error)}") from None
    config.add_cleanup(lambda: remove_run_folder(folder, alive))
    return folder


_DEAD_AT_START = (
    "a worker of pytest-xdist ended while it was being started: it was killed from outside, or there was no memory left"
)
_USAGE_ERROR = re.compile(r"^[\w.]*\bUsageError: (--quant.*)", re.MULTILINE | re.DOTALL)
"""At the end of a worker's traceback: what a process that runs alone would say, and its replacement will say again."""


def _is_of_a_start(error: BaseException) -> bool:
    """Whether it is what pytest-xdist ends with where a worker dies before it has greeted."""
    frames = (frame for frame, _ in walk_tb(error.__traceback__))
    return any(frame.f_globals.get("__name__") == "xdist.workermanage" for frame in frames)


class _Gateway(Protocol):
    id: str


class _Node(Protocol):
    """What is used of xdist's controller of a worker."""

    config: pytest.Config
    workerinput: dict[str, object]
    gateway: _Gateway


class _Scheduler(Protocol):
    """What is used of xdist's schedulers."""

    config: pytest.Config

    def mark_test_pending(self, item: str) -> None:
        """Let a test run, next if possible; raises `NotImplementedError` where a scheduler cannot."""
        ...


class Announces(Protocol):
    """Prints what is known after collection: a controller collects nothing itself."""

    def announce(self, config: pytest.Config) -> None:
        """Print it."""
        ...


def death_of(report: pytest.TestReport) -> tuple[str, bool] | None:
    """Why the worker of a test died, and whether the test runs again; None: it tells of a test that ran."""
    if report.when in ("setup", "call", "teardown"):
        return None
    return str(report.longrepr or "the worker died").strip(), str(report.outcome) == AGAIN


class ControllerHooks:
    """Of a controller."""

    def __init__(self, run_dir: Path, report: Callable[[], Announces]) -> None:
        """``report`` registers what reports, and gives what prints what is known after collection."""
        self._run_dir = run_dir
        self._report = report
        self._recorder: Announces | None = None
        self._announced = False
        self._has_begun = False

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self) -> Generator[None, object, object]:
        """Load what reports while the workers, which are started meanwhile, load what they take."""
        try:
            result = yield
        except (EOFError, OSError) as error:
            if _is_of_a_start(error):
                raise pytest.UsageError(f"--quant: {_DEAD_AT_START}; nothing was measured, run again") from None
            raise
        loading.load(loading.TO_CONTROL)
        self._recorder = self._report()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """A worker that was to take the place of a dead one may die at its start as well."""
        try:
            return (yield)
        except (EOFError, OSError) as error:
            if _is_of_a_start(error):
                pytest.exit(_DEAD_AT_START, returncode=pytest.ExitCode.TESTS_FAILED)
            raise

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: _Node) -> None:
        """Tell a worker where the shared folder is."""
        node.workerinput[_KEY] = str(self._run_dir)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: _Node) -> None:
        """The first worker has collected, as all others will."""
        self._has_begun = True
        if self._recorder is not None and not self._announced:
            self._announced = True
            self._recorder.announce(node.config)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)  # pytest-xdist prints a traceback
    def pytest_testnodedown(self, node: _Node, error: object | None) -> None:
        """What a worker died of beside its cases, no other computes beforehand; where none can run, the run ends."""
        refusal = None if error is None else _USAGE_ERROR.search(str(error))
        if refusal is not None:
            said = refusal[1].strip()
            if self._has_begun:
                pytest.exit(said, returncode=pytest.ExitCode.TESTS_FAILED)
            raise pytest.UsageError(said)
        if error is not None:
            note_death(self._run_dir, node.gateway.id)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: _Scheduler) -> bool | None:
        """A test whose worker computed something beside it may not be what ended that: it runs again, alone."""
        node: _Node = getattr(report, "node")  # noqa: B009 - xdist adds the attribute
        model = note_death(self._run_dir, node.gateway.id, had_case=True)
        if model is None:
            return None
        described = f"{report.longrepr} and computing samples of {visible(model)!r} beforehand"
        try:
            let_run_alone(self._run_dir, crashitem)
            sched.mark_test_pending(crashitem)
        except NotImplementedError:
            dist = node.config.getoption("dist")
            report.longrepr = f"{described}: either may have ended it (--dist load and worksteal find out, not {dist})"
            return None
        except OSError as error:  # it could not be said
            report.longrepr = f"{described}: either may have ended it, which cannot be found out: {told(error)}"
            return None
        report.longrepr = described
        report.outcome = AGAIN  # type: ignore[assignment]
        return True

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A JUnit file has a test that runs again once."""
        node: _Node | None = getattr(report, "node", None)
        death = death_of(report)
        if node is None or death is None or not death[1]:
            return
        for plugin in node.config.pluginmanager.get_plugins():
            if hasattr(plugin, "node_reporters_ordered"):  # pytest's own, which begins with a test at any report
                plugin.node_reporters_ordered.remove(plugin.node_reporter(report))

    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """As pytest-rerunfailures shows it."""
        is_again = str(report.outcome) == AGAIN and report.when not in ("setup", "call", "teardown")
        return (AGAIN, "R", ("RERUN", {"yellow": True})) if is_again else None
