"""Hooks of a process that runs accuracy cases: registered under ``--quant`` only, one object per process."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_quant.plugin.items import CaseItem, ProblemItem
from pytest_quant.plugin.state import RECORDS
from pytest_quant.run import failures, outlook, python_cases
from pytest_quant.run.executors import check_scope
from pytest_quant.run.plan import Plan, PlannedTest, write_plan
from pytest_quant.run.quant_run import QuantRun
from pytest_quant.run.records import RunCase
from pytest_quant.spec.errors import QuantError, told
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import listed
from pytest_quant.spec.verdict import Outcome

if TYPE_CHECKING:
    from pytest_quant.judging.baseline import BaselineEntry
    from pytest_quant.report.model import ModelEntry
    from pytest_quant.run.bulletin import Bulletin


class RunHooks:
    """Collection, the running of cases, and what each test reports."""

    def __init__(self, run: QuantRun, run_dir: Path, workers: int = 1, worker: str = "") -> None:
        """``workers``: how many processes run the tests; ``worker``: by what name one reports to another process."""
        self._run = run
        self._workers = workers
        self._worker = worker
        self._run_dir = run_dir
        self._problem: str | None = None
        """Why not every case can be accounted for."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test per model of an accuracy test in Python."""
        python_cases.parametrize(metafunc, self._run)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark accuracy tests, and let those fail that cannot run."""
        items[:] = python_cases.with_problems_failing(items)
        for item in items:
            if python_cases.case_of(item) is not None:
                item.add_marker(pytest.mark.quant)

    @pytest.hookimpl(tryfirst=True)  # the terminal reporter asks for the outlook in its own
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write down what is to report, where the process that reports finds it even if this one dies."""
        if session.config.option.collectonly:
            return
        items = [item for item in session.items if _is_accuracy_item(item)]
        try:
            self._plan(items)
        except QuantError as error:
            self._problem = str(error)
        except OSError as error:
            self._problem = f"the plan of the run cannot be written: {told(error)}"

    def _plan(self, items: Sequence[pytest.Item]) -> None:
        for item in items:
            self._run.expect(_model(item), _limits(item))
        plan = Plan(
            tests=tuple(PlannedTest(id=item.nodeid, cases=_planned(item)) for item in items),
            outlook=tuple(self._outlook(items)),
        )
        write_plan(plan, self._run_dir)

    def _outlook(self, items: Sequence[pytest.Item]) -> list[str]:
        selected = [(model, _limits(item)) for item in items if (model := _model(item)) is not None]
        run = self._run
        proven = outlook.outlook(selected, run.settings, lambda: run.assessor)
        return [*run.computing.notes, *outlook.notes(model for model, _ in selected), *proven]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Evaluate beforehand what can be; a worker whose tests are done helps the others before it ends."""
        if not session.config.option.collectonly:
            with suppress(QuantError):  # which every case will say
                self._run.computing.go_ahead(self._workers, self._worker, lambda: self._run.assessor.measurements)
        result = yield
        if not (session.shouldstop or session.shouldfail):
            self._run.computing.finish()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """A test that lost its worker to something beside it runs again, alone."""
        with self._run.computing.beside(item.nodeid):
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Know who runs the nets."""
        if _is_accuracy_item(item) and not isinstance(item, ProblemItem):
            self._run.computing.take_executor(item)

    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> None:
        """Refuse an executor that would end too early."""
        check_scope(fixturedef)

    def pytest_sessionfinish(self) -> None:
        """Compute nothing that nobody will ask for."""
        self._run.computing.stop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Decide the limits of a test in Python after its body has passed."""
        python_cases.carry(item, self._run)
        result = yield
        python_cases.enforce(item, self._run)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the records on the report: that is how they reach the process that reports, also under xdist."""
        is_accuracy_item = _is_accuracy_item(item)
        if is_accuracy_item and call.excinfo is not None and not isinstance(item, (CaseItem, ProblemItem)):
            failures.hide_our_frames(item, call.excinfo)
        report = yield
        ends_here = report.when == "call" or (report.when == "setup" and not report.passed)
        if is_accuracy_item and call.excinfo is not None and failures.is_ours(call.excinfo):
            failures.point_at_item(item, report, call.excinfo)
        if ends_here and is_accuracy_item:
            failed_itself = report.when == "call" and report.failed and not _is_ours(call)
            bulletin = self._bulletin(item, report, failed_itself)
            report.quant = bulletin.to_wire()  # type: ignore[attr-defined]
            properties = _properties(bulletin)
            item.user_properties += properties  # JUnit files take those of the end of the test
            report.user_properties += properties
        return report

    def _bulletin(self, item: pytest.Item, report: pytest.TestReport, failed_itself: bool) -> Bulletin:
        """``failed_itself``: the body of a test in Python failed, so that its limits say nothing about the model."""
        from pytest_quant.run.bulletin import Bulletin

        outcome = _outcome(report)
        known = {case.name: case for case in item.stash.get(RECORDS, [])}
        reason = _last_words(report) or "the test did not reach its limits"
        model = _model(item)
        entries, baseline, problems = self._known_of([] if model is None else [model])
        return Bulletin(
            cases=tuple(
                _final(known.get(case.name), case, outcome, reason, report.duration, failed_itself)
                for case in _planned(item)
            ),
            models=entries,
            baseline=baseline,
            measured=report.when == "call" and report.outcome != "skipped",
            problems=problems,
        )

    def _known_of(
        self, models: Sequence[ModelSpec]
    ) -> tuple[dict[str, ModelEntry], dict[str, BaselineEntry], tuple[str, ...]]:
        """What the report and the baseline have of some models, and what else there is to tell."""
        problems = [] if self._problem is None else [self._problem]
        about = listed(model.name for model in models)
        entries: dict[str, ModelEntry] = {}
        baseline: dict[str, BaselineEntry] = {}
        try:
            entries, baseline = self._run.model_entries(models), self._run.baseline_entries(models)
            self._run.draw(models)
        except QuantError as error:
            problems.append(f"{about}: the report lacks a part: {error}")
        except OSError as error:
            problems.append(f"{about}: the report lacks a part: {told(error)}")
        return entries, baseline, tuple(problems)


def _properties(bulletin: Bulletin) -> list[tuple[str, object]]:
    """The numbers of a test; those of one with several limits are told apart by the limit's name."""
    from pytest_quant.report.beside import properties_of

    return [
        (name if len(bulletin.cases) == 1 else f"{name}[{case.name}]", value)
        for case in bulletin.cases
        for name, value in properties_of(case, bulletin.models.get(case.model or "")).items()
    ]


def _is_accuracy_item(item: pytest.Item) -> bool:
    return isinstance(item, (CaseItem, ProblemItem)) or python_cases.case_of(item) is not None


def _planned(item: pytest.Item) -> tuple[RunCase, ...]:
    return tuple(item.planned) if isinstance(item, (CaseItem, ProblemItem)) else python_cases.planned(item)


def _model(item: pytest.Item) -> ModelSpec | None:
    if isinstance(item, CaseItem):
        return item.model
    case = python_cases.case_of(item)
    return None if case is None else case.model


def _limits(item: pytest.Item) -> tuple[Limit, ...]:
    if isinstance(item, CaseItem):
        return (item.limit,)
    case = python_cases.case_of(item)
    return () if case is None else case.limits


def _is_ours(call: pytest.CallInfo[None]) -> bool:
    """Whether a test failed because something of its model could not be measured."""
    return call.excinfo is not None and isinstance(call.excinfo.value, QuantError)


def _final(
    known: RunCase | None, planned: RunCase, outcome: Outcome, reason: str, seconds: float, failed_itself: bool
) -> RunCase:
    """The case with pytest's outcome; one of a limit that was never reached says why."""
    if known is None and failed_itself:
        return planned.record("skipped", outcome, f"the test failed before its limit was decided: {reason}", seconds)
    if known is None:
        return planned.record("skipped" if outcome == "skipped" else "error", outcome, reason, seconds)
    return known.ended(outcome)


def _last_words(report: pytest.TestReport) -> str:
    """The last line of what a report says; of a skip the reason without the place."""
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    return str(said or "").strip().rpartition("\n")[2]


def _outcome(report: pytest.TestReport) -> Outcome:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.failed and str(report.longrepr).startswith("[XPASS(strict)]"):
        return "xpassed"
    return report.outcome
