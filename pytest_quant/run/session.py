"""The process that reports: it gathers what all tests told, finds what is missing, and sets the exit status."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_quant.plugin.settings import Settings
from pytest_quant.report.model import Entry, ModelEntry, Report
from pytest_quant.run.over import say_over
from pytest_quant.run.publishing import Publisher, shown_options
from pytest_quant.run.records import RunCase, worse
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.part import Part
from pytest_quant.spec.text import visible
from pytest_quant.spec.verdict import Decision, Outcome

if TYPE_CHECKING:
    from pytest_quant.judging.baseline import BaselineEntry
    from pytest_quant.report.model import PartEntry

PLAN_FILE = "planned.json"

NOTHING_DECIDED = "no accuracy case was decided"


class PlannedTest(Entry):
    """One accuracy test that was collected and selected; a test in Python may have no limits, or several."""

    id: str
    cases: tuple[RunCase, ...]


class Plan(Entry):
    """What a process that runs tests has collected, before it runs them."""

    tests: tuple[PlannedTest, ...] = ()
    outlook: tuple[str, ...] = ()
    """What to know before the run, in words: notes on entries that were filled in, what sampled cases can prove."""


def read_plan(run_dir: Path) -> Plan:
    """What the processes that run tests wrote down; empty when nothing was collected."""
    path = run_dir / PLAN_FILE
    return Plan.model_validate(json.loads(path.read_bytes())) if path.exists() else Plan()


def part_entry(part: Part | None, run_dir: Path) -> PartEntry | None:
    """What all processes of the run carry of a part; None where the run evaluates everything."""
    if part is None:
        return None
    from pytest_quant.judging.part_work import kept_datasets, kept_models
    from pytest_quant.report.model import PartEntry
    from pytest_quant.run.quant_run import PART_FOLDER

    tests = sorted(test.id for test in read_plan(run_dir).tests)
    models, datasets = kept_models(run_dir / PART_FOLDER), kept_datasets(run_dir / PART_FOLDER)
    return PartEntry(index=part.index, of=part.of, tests=tuple(tests), models=models, datasets=datasets)


class Recorder:
    """Folds the reports of one pytest session."""

    def __init__(self, settings: Settings, run_dir: Path, rootdir: Path) -> None:
        self.settings = settings
        self.started = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self.models: dict[str, ModelEntry] = {}
        self.problems: list[str] = []
        """What fails the run although no test may have failed."""
        self._publisher = Publisher(settings, run_dir, rootdir)
        self._run_dir = run_dir
        self._cases: dict[tuple[str, str], RunCase] = {}
        self._reported: set[str] = set()
        self._measured = False
        self._crashed: dict[str, str] = {}
        self._baseline_entries: dict[str, BaselineEntry] = {}

    @property
    def cases(self) -> list[RunCase]:
        """All cases that have reported, and at the end those that have not."""
        return list(self._cases.values())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the records off a report; a worker that died leaves a report without any."""
        wire = getattr(report, "quant", None)
        if wire is not None:
            from pytest_quant.run.bulletin import Bulletin

            bulletin = Bulletin.from_wire(wire)
            self._reported.add(report.nodeid)
            self._measured |= bulletin.measured
            for name, entry in bulletin.models.items():
                known = self.models.get(name)
                self.models[name] = entry if known is None else known.completed(entry)
            for name, accepted in bulletin.baseline.items():
                before = self._baseline_entries.get(name)
                self._baseline_entries[name] = accepted if before is None else before.completed(accepted)
            for case in bulletin.cases:
                self._add(case)
            self.problems += [problem for problem in bulletin.problems if problem not in self.problems]
        elif report.when not in ("setup", "call", "teardown"):
            self._crashed[report.nodeid] = str(report.longrepr or "the worker died").strip()

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

    def _add(self, case: RunCase) -> None:
        known = self._cases.get(case.key)
        self._cases[case.key] = case if known is None else worse(case, known)

    def pytest_report_collectionfinish(self) -> list[str]:
        """What sampled cases can prove, before they run."""
        return list(read_plan(self._run_dir).outlook)

    def announce(self, config: pytest.Config) -> None:
        """The same, printed at once: under xdist nothing is collected in this process."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        for line in self.pytest_report_collectionfinish():
            if reporter is not None:
                reporter.write_line(line)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Account for every planned case; what never reported fails the run."""
        say_over(self._run_dir)
        if session.config.option.collectonly:
            return
        plans = read_plan(self._run_dir).tests
        stopped = exitstatus == pytest.ExitCode.INTERRUPTED or bool(session.shouldstop or session.shouldfail)
        missing = self._account(plans, stopped)
        if missing:
            self.problems.append(f"{missing} accuracy cases never reported")
        if plans and not stopped and not self._decided(plans):
            self.problems.append(NOTHING_DECIDED)
        if self.problems and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if plans or self._cases:
            self._learn(session.config)
            self._publish(session)

    def _learn(self, config: pytest.Config) -> None:
        """Register what zoo files' own ``conftest.py`` brings: a process that collects nothing has not loaded it."""
        from pytest_quant.run.registering import register_uncollected

        try:
            register_uncollected((config.rootpath / model.zoo for model in self.models.values()), config.rootpath)
        except QuantError as error:
            self.problems.append(str(error))

    def _account(self, plans: Sequence[PlannedTest], stopped: bool) -> int:
        """Records for planned tests that did not report; gives the number that should have."""
        missing = 0
        for plan in plans:
            if plan.id in self._crashed:
                self._add_all(plan, "crashed", self._crashed[plan.id])
            elif plan.id not in self._reported:
                missing += 0 if stopped else 1
                self._add_all(plan, "skipped" if stopped else "missing", "the run ended before this case")
        return missing

    def _add_all(self, plan: PlannedTest, decision: Decision, reason: str) -> None:
        outcome: Outcome = "failed" if decision == "crashed" else "not_run"
        for case in plan.cases:
            self._add(case.record(decision, outcome, reason))

    def _decided(self, plans: Sequence[PlannedTest]) -> bool:
        """Whether any case that takes samples came to an answer; a selection without such cases needs none."""
        takes_samples = [case for plan in plans for case in plan.cases if case.needs_dataset]
        bodies = [plan for plan in plans if not plan.cases]
        if not takes_samples and not bodies:
            return True
        keys = {case.key for case in takes_samples}
        part = part_entry(self.settings.part, self._run_dir)
        if part is not None and part.models:
            return True
        answered = any(case.verdict != "skipped" for key, case in self._cases.items() if key in keys)
        return answered or (bool(bodies) and self._measured)

    def report(self) -> Report:
        """The report as data."""
        from pytest_quant.report.data import build_report

        report = build_report(self.models, self.cases, started=self.started, options=shown_options(self.settings))
        return report.model_copy(update={"part": part_entry(self.settings.part, self._run_dir)})

    def _publish(self, session: pytest.Session) -> None:
        """Write the files that the run was asked for; one that cannot be written fails the run."""
        problems = self._publisher.write(self.report(), self._baseline_entries)
        self.problems += problems
        if problems:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def summarize(self, terminal: pytest.TerminalReporter) -> None:
        """The table, and what fails the run."""
        if self._cases or self.problems:
            self._publisher.summarize(terminal, self.report(), self.problems)
