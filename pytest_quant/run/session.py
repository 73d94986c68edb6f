"""The process that reports: it gathers what all tests told, finds what is missing, and sets the exit status."""

from __future__ import annotations

import warnings
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pytest_quant.evaluation.not_kept import notes_in
from pytest_quant.plugin.settings import Settings
from pytest_quant.run.over import say_over
from pytest_quant.run.plan import PlannedTest, read_plan
from pytest_quant.run.provisional import Provisional
from pytest_quant.run.publishing import Publisher
from pytest_quant.run.told import Told
from pytest_quant.run.xdist import death_of
from pytest_quant.spec.errors import QuantError, QuantWarning, StorageError, in_words
from pytest_quant.spec.text import visible

NOTHING_DECIDED = "no accuracy case was decided"


class Recorder:
    """Folds the reports of one pytest session."""

    def __init__(self, settings: Settings, run_dir: Path, rootdir: Path) -> None:
        self._told = Told(settings, run_dir, datetime.now(timezone.utc).isoformat(timespec="seconds"))
        self._publisher = Publisher(settings, run_dir, rootdir)
        self.provisional = Provisional(self._told, settings, run_dir)
        """Reports for the case that nothing else can be written; a plugin, too."""
        self._run_dir = run_dir

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the records off a report; a worker that died leaves a report without any."""
        wire, death = getattr(report, "quant", None), death_of(report)
        if death is None:
            self._told.take_sign(report.nodeid)
        if wire is not None:
            self._told.take(report.nodeid, wire)
        elif death is not None:
            reason, runs_again = death
            self._told.take_death(report.nodeid, reason, runs_again=runs_again)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport, config: pytest.Config
    ) -> tuple[str, str, str] | None:
        """Under ``-v`` the numbers stand beside ``PASSED``; elsewhere pytest has its own words."""
        wire = getattr(report, "quant", None)
        is_plain = report.when == "call" and report.passed and not hasattr(report, "wasxfail")
        if wire is None or not is_plain or config.get_verbosity() < 1:
            return None
        from pytest_quant.report.beside import numbers_of
        from pytest_quant.run.bulletin import Bulletin

        told = Bulletin.from_wire(wire)
        words = (numbers_of(case, told.models.get(case.model or "")) for case in told.cases)
        return "passed", ".", visible(f"PASSED {'; '.join(filter(None, words))}".rstrip())

    def pytest_report_collectionfinish(self) -> list[str]:
        """What sampled cases can prove, before they run."""
        with suppress(OSError, StorageError):  # told when the session ends
            return list(read_plan(self._run_dir).outlook)
        return []

    def announce(self, config: pytest.Config) -> None:
        """The same, printed at once: under xdist nothing is collected in this process."""
        self.provisional.begin()
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        for line in self.pytest_report_collectionfinish():
            if reporter is not None:
                reporter.write_line(line)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Account for every planned case; what never reported fails the run."""
        say_over(self._run_dir)
        self.provisional.end()
        self._tell_not_kept()
        if session.config.option.collectonly:
            return
        plans = self._planned()
        stopped = exitstatus == pytest.ExitCode.INTERRUPTED or bool(session.shouldstop or session.shouldfail)
        told = self._told
        missing = told.account(plans, stopped=stopped)
        if missing:
            told.problems.append(f"{missing} accuracy cases never reported")
        if plans and not stopped and not told.is_decided(plans):
            told.problems.append(NOTHING_DECIDED)
        if told.problems and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if plans or told.cases:
            self._learn(session.config)
            self._publish(session)

    def _tell_not_kept(self) -> None:
        """Warn of a cache that took nothing more; where the user's filters make errors of warnings the run fails."""
        for note in notes_in(self._run_dir):
            try:
                warnings.warn(note, QuantWarning, stacklevel=2)
            except QuantWarning as warning:
                self._told.problems.append(str(warning))

    def _planned(self) -> tuple[PlannedTest, ...]:
        """What was to run; where that is not known any more the run fails."""
        try:
            plans = read_plan(self._run_dir).tests
        except (OSError, StorageError) as error:
            self._told.problems.append(in_words(error))
            return ()
        if self._told.cases and not self._run_dir.exists():
            self._told.problems.append(f"{self._run_dir}: the folder of the run was removed while it was on")
        return plans

    def _learn(self, config: pytest.Config) -> None:
        """Register what zoo files' own ``conftest.py`` brings: a process that collects nothing has not loaded it."""
        from pytest_quant.run.registering import register_uncollected

        try:
            register_uncollected((config.rootpath / model.zoo for model in self._told.models.values()), config.rootpath)
        except QuantError as error:
            self._told.problems.append(str(error))

    def _publish(self, session: pytest.Session) -> None:
        """Write the files that the run was asked for; one that cannot be written fails the run."""
        problems = self._publisher.write(self._told.report(), self._told.baseline)
        self._told.problems += problems
        if problems:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def summarize(self, terminal: pytest.TerminalReporter) -> None:
        """The table, and what fails the run."""
        told = self._told
        if told.cases or told.problems:
            self._publisher.summarize(terminal, told.report(), told.problems)
