"""What the tests of a run have told, and what is to be said of those that have not."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.plugin.settings import Settings
from pytest_quant.report.model import ModelEntry, Report
from pytest_quant.run.beside import dead_worker
from pytest_quant.run.plan import PlannedTest, part_entry
from pytest_quant.run.publishing import shown_options
from pytest_quant.run.records import RunCase, worse
from pytest_quant.spec.verdict import Decision, Outcome

if TYPE_CHECKING:
    from pytest_quant.judging.baseline import BaselineEntry


class Told:
    """Folds what tests told, and accounts for all that were planned."""

    def __init__(self, settings: Settings, run_dir: Path, started: str) -> None:
        """``started``: when the run began, in ISO 8601."""
        self.models: dict[str, ModelEntry] = {}
        self.baseline: dict[str, BaselineEntry] = {}
        self.problems: list[str] = []
        """What fails the run although no test may have failed."""
        self._settings = settings
        self._run_dir = run_dir
        self._started = started
        self._cases: dict[tuple[str, str], RunCase] = {}
        self._reported: set[str] = set()
        self._measured = False
        self._crashed: dict[str, str] = {}
        self._again: dict[str, str] = {}

    @property
    def cases(self) -> list[RunCase]:
        """All cases that have reported, and at the end those that have not."""
        return list(self._cases.values())

    def take(self, test: str, wire: str) -> None:
        """Take what a test told, as `Bulletin.to_wire` has it."""
        from pytest_quant.run.bulletin import Bulletin

        bulletin = Bulletin.from_wire(wire)
        self._reported.add(test)
        self._measured |= bulletin.measured
        for name, entry in bulletin.models.items():
            known = self.models.get(name)
            self.models[name] = entry if known is None else known.completed(entry)
        for name, accepted in bulletin.baseline.items():
            before = self.baseline.get(name)
            self.baseline[name] = accepted if before is None else before.completed(accepted)
        for case in bulletin.cases:
            self._add(case)
        self.problems += [problem for problem in bulletin.problems if problem not in self.problems]

    def take_death(self, test: str, reason: str, *, runs_again: bool = False) -> None:
        """The process of a test died; ``runs_again``: that may not have been its doing, and it is to run once more."""
        (self._again if runs_again else self._crashed)[test] = reason

    def take_sign(self, test: str) -> None:
        """A test is being run, or has been."""
        self._again.pop(test, None)

    def account(self, tests: Sequence[PlannedTest], *, stopped: bool) -> int:
        """Records for planned tests that did not report; gives the number that should have.

        ``stopped``: the run ended before all of them could.
        """
        if self._again and not stopped:
            self.problems.append(f"{len(self._again)} tests whose worker died could not run again")
            for test, reason in self._again.items():
                self._crashed[test] = f"{reason}; it was to run again, and the run ended before it did"
        missing = lost = 0
        for planned in tests:
            if planned.id in self._crashed:
                self._add_all(planned, "crashed", self._crashed[planned.id])
            elif planned.id not in self._reported:
                death = self._death_beside(planned)
                lost += bool(death)
                missing += not death and not stopped
                decision: Decision = "crashed" if death else "skipped" if stopped else "missing"
                self._add_all(planned, decision, f"{death}the run ended before this case")
        if lost:
            self.problems.append(f"{lost} accuracy cases of models that a worker died of never ran")
        return missing

    def _death_beside(self, planned: PlannedTest) -> str:
        """Words on the worker that died of the model of a test that nobody ran afterwards; empty: there was none."""
        for model in (case.model for case in planned.cases):
            worker = dead_worker(self._run_dir, model) if model else None
            if worker:
                return f"worker {worker!r} crashed while computing samples of {model!r} beforehand, and "
        return ""

    def _add(self, case: RunCase) -> None:
        known = self._cases.get(case.key)
        self._cases[case.key] = case if known is None else worse(case, known)

    def _add_all(self, planned: PlannedTest, decision: Decision, reason: str) -> None:
        outcome: Outcome = "failed" if decision == "crashed" else "not_run"
        for case in planned.cases:
            self._add(case.record(decision, outcome, reason))

    def is_decided(self, tests: Sequence[PlannedTest]) -> bool:
        """Whether any case that takes samples came to an answer; a selection without such cases needs none."""
        takes_samples = [case for planned in tests for case in planned.cases if case.needs_dataset]
        bodies = [planned for planned in tests if not planned.cases]
        if not takes_samples and not bodies:
            return True
        keys = {case.key for case in takes_samples}
        part = part_entry(self._settings.part, self._run_dir)
        if part is not None and part.models:
            return True
        answered = any(case.verdict != "skipped" for key, case in self._cases.items() if key in keys)
        return answered or (bool(bodies) and self._measured)

    def if_ended_now(self, tests: Sequence[PlannedTest], running: Mapping[str, str]) -> Report:
        """The report if the run had ended with what runs, each with its reason; nothing here changes by it."""
        now = copy.copy(self)
        now.models, now.problems, now._reported = dict(self.models), list(self.problems), set(self._reported)
        now._cases, now._crashed, now._again = dict(self._cases), dict(self._crashed), dict(self._again)
        for test, reason in running.items():
            now.take_death(test, reason)
        now.account(tests, stopped=True)
        return now.report()

    def report(self) -> Report:
        """The report as data."""
        from pytest_quant.report.data import build_report

        report = build_report(self.models, self.cases, started=self._started, options=shown_options(self._settings))
        return report.model_copy(update={"part": part_entry(self._settings.part, self._run_dir)})
