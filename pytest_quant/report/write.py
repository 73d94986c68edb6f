"""Reports as files: the suffix chooses the writer."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_quant.evaluation.files import replace_file
from pytest_quant.extending.known import active
from pytest_quant.report.markdown import markdown
from pytest_quant.report.model import Entry, Report


def write_report(report: Report, path: Path) -> None:
    """Write ``path`` in the form that its suffix stands for.

    Raises `ConfigError` for a suffix that no writer is registered for, `OSError` when it cannot be written.
    """
    active().reports.get(path.suffix)(report, path)


def write_json(report: Report, path: Path) -> None:
    """The report as JSON."""
    replace_file(path, json_text(report).encode())


def write_markdown(report: Report, path: Path) -> None:
    """The report as Markdown."""
    replace_file(path, markdown(report).encode())


def json_text(entry: Entry) -> str:
    """A report, or part of one, as the text of a JSON file."""
    return json.dumps(entry.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
