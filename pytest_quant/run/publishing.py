"""What a run leaves behind: the reports, the baseline, and the summary on the terminal."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.plugin.settings import Settings
from pytest_quant.report.model import Report
from pytest_quant.spec.errors import QuantError, told
from pytest_quant.spec.text import hanging, visible

if TYPE_CHECKING:
    import pytest
    from pydantic import JsonValue

    from pytest_quant.judging.baseline import BaselineEntry
    from pytest_quant.judging.baseline_changes import BaselineChange
    from pytest_quant.report.model.illustration import IllustratedReport, IllustrationEntry


class Publisher:
    """Writes and prints a report as the settings ask."""

    def __init__(self, settings: Settings, run_dir: Path, rootdir: Path) -> None:
        self._settings = settings
        self._run_dir = run_dir
        self._rootdir = rootdir
        self.written: list[Path] = []
        """The files, in the order in which they were written."""
        self._trends: list[IllustrationEntry] = []
        self._accepted: list[str] = []
        """What an update of the baseline changed."""
        part = settings.part
        self._notes = [] if part is None else [f"{part}: pytest-quant merge decides, from the reports of all parts"]

    def write(self, report: Report, baseline: Mapping[str, BaselineEntry]) -> list[str]:
        """Write the report files, and ``baseline`` if it is to be updated; gives what could not be written, and why."""
        self._append_to_job(report)
        return [*self._keep(report), *self._write_reports(report), *self._update_baseline(report, baseline)]

    def _keep(self, report: Report) -> Iterator[str]:
        """Add the run to the history; a page shows what that has of its models."""
        path = self._settings.history
        if path is None or self._settings.part is not None:
            return
        from pytest_quant.history.commit import commit_of
        from pytest_quant.history.file import HistoryFile
        from pytest_quant.history.records import RunRecord, results
        from pytest_quant.history.trends import trends

        history = HistoryFile(path)
        try:
            history.add(RunRecord.of(report, commit_of(self._rootdir)), results(report))
            self.written.append(path)
            if self._settings.illustrated:
                self._trends = list(trends(history.runs(), report.models))
        except QuantError as error:
            yield f"--quant-history: the run is not kept: {error}"

    def _append_to_job(self, report: Report) -> None:
        """In a job of GitHub Actions without a report the Markdown goes to the job's summary."""
        name = os.environ.get("GITHUB_STEP_SUMMARY")
        if not name or self._settings.reports:
            return
        from pytest_quant.report.step_summary import append_summary

        try:
            append_summary(report, Path(name))
            self.written.append(Path(name))
        except OSError as error:  # no reason to fail a build
            self._notes.append(f"GITHUB_STEP_SUMMARY: {name} cannot be written: {told(error)}")

    def _write_reports(self, report: Report) -> Iterator[str]:
        from pytest_quant.report.write import write_report

        shown = self._illustrated(report) if self._settings.illustrated else report
        for path in self._settings.reports:
            try:
                write_report(shown, path)
                self.written.append(path)
            except OSError as error:
                yield f"--quant-report: {path} cannot be written: {told(error)}"
            except Exception as error:  # a writer may be anybody's
                yield f"--quant-report: {path} cannot be written: {_raised(error)}"

    def _illustrated(self, report: Report) -> IllustratedReport:
        """The report with what the processes that measured have drawn."""
        from pytest_quant.report.model.illustration import IllustratedReport
        from pytest_quant.run.illustrations import drawn_in

        return IllustratedReport.of(report, [*drawn_in(self._run_dir), *self._trends])

    def _update_baseline(self, report: Report, entries: Mapping[str, BaselineEntry]) -> Iterator[str]:
        path = self._settings.baseline
        if not self._settings.update_baseline or path is None or not entries:
            return
        from pytest_quant.judging.baseline import read_baseline, update_baseline
        from pytest_quant.judging.baseline_changes import changes

        try:
            before = read_baseline(path).models
            update_baseline(path, entries)
            self._accepted = [_accepted(change, report) for change in changes(before, entries)] or ["nothing changed"]
            self.written.append(path)
        except OSError as error:
            yield f"--quant-update-baseline: {path} cannot be written: {told(error)}"
        except QuantError as error:
            yield f"--quant-update-baseline: {path} cannot be written: {error}"

    def summarize(self, terminal: pytest.TerminalReporter, report: Report, problems: Sequence[str]) -> None:
        """Print the table, diagnoses and repairs where they were asked for, and what fails the run."""
        from pytest_quant.report import diagnosis, rescue
        from pytest_quant.report.terminal import summary_lines

        report, width = report.visible(), _width(terminal)
        terminal.section("accuracy of quantized models")
        for line, markup in summary_lines(report, width=width, columns=self._settings.columns):
            terminal.write_line(line, **markup)
        if self._settings.diagnose:
            _write(terminal, diagnosis.summary_lines(report), width)
        if self._settings.rescue:
            _write(terminal, rescue.terminal_lines(report, self._settings.rescue_folder), width)
        _write(terminal, (visible(f"baseline: {line}") for line in self._accepted), width)
        for path in self.written:
            terminal.write_line(visible(f"written: {path}"))
        _write(terminal, map(visible, self._notes), width, yellow=True)
        _write(terminal, (visible(problem, lines=True) for problem in problems), width, red=True, bold=True)


def _write(terminal: pytest.TerminalReporter, texts: Iterable[str], width: int | None, **markup: bool) -> None:
    """Each on lines of its own, wrapped at ``width``."""
    for text in texts:
        for line in hanging(text, width):
            terminal.write_line(line, **markup)


def _accepted(change: BaselineChange, report: Report) -> str:
    from pytest_quant.spec.metric import SQNR_DB

    model = report.models[change.model]
    measured = model if change.net == "int8" else model.further_nets[change.net]
    values = measured.metrics.get(change.metric)  # none of raw outputs
    return change.text((SQNR_DB if values is None else values.metric(change.metric)).number)


def _raised(error: Exception) -> str:
    """What a writer raised, and where."""
    if isinstance(error, QuantError):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"


def _width(terminal: pytest.TerminalReporter) -> int | None:
    """How wide the table may be; a log has no width, unless ``COLUMNS`` gives it one."""
    if not getattr(terminal, "isatty", False) and not os.environ.get("COLUMNS"):  # another plugin's may lack it
        return None
    return terminal.config.get_terminal_writer().fullwidth


def shown_options(settings: Settings) -> dict[str, JsonValue]:
    """The settings that the report shows."""
    return {
        "samples": "all" if settings.whole else settings.samples,
        "seed": settings.seed,
        "confidence": settings.confidence,
        "family": "holm" if settings.whole_table else "none",
        "inconclusive": settings.inconclusive,
        "early_stop": settings.early_stop,
        "strict": settings.strict,
        "diagnose": settings.diagnose,
        "rescue": settings.rescue,
        "jobs": settings.jobs,
        "executor": settings.executor,
        "target": settings.target,
        "target_nets": settings.target_nets,
        "keep": settings.keep,
        "max_tolerance_pct": settings.max_tolerance_pct,
    }
