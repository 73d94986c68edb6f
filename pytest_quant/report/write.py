"""Writing a report to a file; the suffix chooses the writer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_quant.evaluation.files import replace_file
from pytest_quant.extending.known import active
from pytest_quant.report.markdown import markdown


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Write ``path`` in the form that its suffix stands for.

    Raises `ConfigError` for a suffix that no writer is registered for, `OSError` when it cannot be written.
    """
    active().reports.get(path.suffix)(report, path)


def write_json(report: Mapping[str, Any], path: Path) -> None:
    """The report as JSON."""
    replace_file(path, (json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def write_markdown(report: Mapping[str, Any], path: Path) -> None:
    """The report as Markdown."""
    replace_file(path, markdown(report).encode())
