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
from pytest_quant.run.records import RunCase, worse
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.verdict import Decision, Outcome

if TYPE_CHECKING:
    from pydantic import JsonValue

    from pytest_quant.judging.baseline import BaselineEntry
    from pytest_quant.report.model.illustration import IllustratedReport

PLAN_FILE = "planned.json"

NOTHING_DECIDED = "no accuracy case was decided"


class Planned(Entry):
    """One accuracy test that was collected and selected; a test in Python may have no limits, or several."""

    id: str
    cases: tuple[RunCase, ...]


class Plan(Entry):
    """What a process that runs tests has collected, before it runs them."""

    tests: tuple[Planned, ...] = ()
    outlook: tuple[str, ...] = ()
    """What to know before the run, in words: notes on entries that were filled in, what sampled cases can prove."""


def read_plan(run_dir: Path) -> Plan:
    """What the processes that run tests wrote down; empty when nothing was collected."""
    path = run_dir / PLAN_FILE
    return Plan.model_validate(json.loads(path.read_bytes())) if path.exists() else Plan()


class Recorder:
    """Folds the reports of one pytest session."""

    def __init__(self, settings: Settings, run_dir: Path) -> None:
        self.settings = settings
        self.started = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self.models: dict[str, ModelEntry] = {}
        self.problems: list[str] = []
        """What fails the run although no test may have failed."""
        self.written: list[Path] = []
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
            self._baseline_entries.update(bulletin.baseline)
            for case in bulletin.cases:
                self._add(case)
        elif report.when not in ("setup", "call", "teardown"):
            self._crashed[report.nodeid] = str(report.longrepr or "the worker died").strip()

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
        if plans:
            self._learn(session.config)
            self._write_reports(session)
            self._update_baseline(session)

    def _learn(self, config: pytest.Config) -> None:
        """Register what zoo files' own ``conftest.py`` brings: a process that collects nothing has not loaded it."""
        from pytest_quant.run.registering import register_uncollected

        try:
            register_uncollected((config.rootpath / model.zoo for model in self.models.values()), config.rootpath)
        except QuantError as error:
            self.problems.append(str(error))

    def _account(self, plans: Sequence[Planned], stopped: bool) -> int:
        """Records for planned tests that did not report; gives the number that should have."""
        missing = 0
        for plan in plans:
            if plan.id in self._crashed:
                self._add_all(plan, "crashed", self._crashed[plan.id])
            elif plan.id not in self._reported:
                missing += 0 if stopped else 1
                self._add_all(plan, "skipped" if stopped else "missing", "the run ended before this case")
        return missing

    def _add_all(self, plan: Planned, decision: Decision, reason: str) -> None:
        outcome: Outcome = "failed" if decision == "crashed" else "not_run"
        for case in plan.cases:
            self._add(case.record(decision, outcome, reason))

    def _decided(self, plans: Sequence[Planned]) -> bool:
        """Whether any case that takes samples came to an answer; a selection without such cases needs none."""
        takes_samples = [case for plan in plans for case in plan.cases if case.needs_dataset]
        bodies = [plan for plan in plans if not plan.cases]
        if not takes_samples and not bodies:
            return True
        keys = {case.key for case in takes_samples}
        answered = any(case.verdict != "skipped" for key, case in self._cases.items() if key in keys)
        return answered or (bool(bodies) and self._measured)

    def report(self) -> Report:
        """The report as data."""
        from pytest_quant.report.data import build_report

        return build_report(self.models, self.cases, started=self.started, options=_shown_options(self.settings))

    def _illustrated(self) -> IllustratedReport:
        """The report with what the processes that measured have drawn."""
        from pydantic import TypeAdapter

        from pytest_quant.diagnosis.once_per_model import made_in
        from pytest_quant.report.model.illustration import IllustratedReport, IllustrationEntry
        from pytest_quant.run.entries import ILLUSTRATIONS

        drawn = made_in(self._run_dir / ILLUSTRATIONS, TypeAdapter(IllustrationEntry))
        return IllustratedReport.of(self.report(), drawn)

    def _write_reports(self, session: pytest.Session) -> None:
        from pytest_quant.report.write import write_report

        report = self._illustrated() if self.settings.illustrated else self.report()
        for path in self.settings.reports:
            try:
                write_report(report, path)
                self.written.append(path)
            except OSError as error:
                self.problems.append(f"--quant-report: {path} cannot be written: {error.strerror}: {error.filename}")
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _update_baseline(self, session: pytest.Session) -> None:
        path = self.settings.baseline
        if not self.settings.update_baseline or path is None or not self._baseline_entries:
            return
        from pytest_quant.judging.baseline import update_baseline

        try:
            update_baseline(path, self._baseline_entries)
            self.written.append(path)
        except (OSError, QuantError) as error:
            self.problems.append(f"--quant-update-baseline: {path} cannot be written: {error}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The table, and what fails the run."""
        if not self._cases and not self.problems:
            return
        from pytest_quant.report.terminal import summary_lines

        terminalreporter.section("accuracy of quantized models")
        for line, markup in summary_lines(self.report()):
            terminalreporter.write_line(line, **markup)
        if self.settings.diagnose:
            self._show_diagnoses(terminalreporter)
        if self.settings.rescue:
            self._show_rescues(terminalreporter)
        for path in self.written:
            terminalreporter.write_line(f"written: {path}")
        for problem in self.problems:
            terminalreporter.write_line(problem, red=True, bold=True)

    def _show_diagnoses(self, terminalreporter: pytest.TerminalReporter) -> None:
        from pytest_quant.report.diagnosis import summary_lines

        for line in summary_lines(self.report()):
            terminalreporter.write_line(line)

    def _show_rescues(self, terminalreporter: pytest.TerminalReporter) -> None:
        from pytest_quant.report.rescue import terminal_lines

        for line in terminal_lines(self.report(), self.settings.rescue_folder):
            terminalreporter.write_line(line)


def _shown_options(settings: Settings) -> dict[str, JsonValue]:
    return {
        "samples": "all" if settings.whole else settings.samples,
        "seed": settings.seed,
        "confidence": settings.confidence,
        "inconclusive": settings.inconclusive,
        "early_stop": settings.early_stop,
        "strict": settings.strict,
        "diagnose": settings.diagnose,
        "rescue": settings.rescue,
        "jobs": settings.jobs,
        "target": settings.target,
        "target_nets": settings.target_nets,
        "keep": settings.keep,
        "max_tolerance_pct": settings.max_tolerance_pct,
    }
