"""Reports as files: the suffix chooses the form."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_quant.evaluation.files import replace_file
from pytest_quant.report.markdown import markdown
from pytest_quant.report.model import Entry, Report


def write_report(report: Report, path: Path) -> None:
    """Write ``path`` as JSON or Markdown; raises `ValueError` for another suffix and `OSError` when it cannot."""
    if path.suffix == ".json":
        text = json_text(report)
    elif path.suffix == ".md":
        text = markdown(report)
    else:
        raise ValueError(f"{path.name}: expected a file name that ends in .json or .md")
    replace_file(path, text.encode())


def json_text(entry: Entry) -> str:
    """A report, or part of one, as the text of a JSON file."""
    return json.dumps(entry.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
