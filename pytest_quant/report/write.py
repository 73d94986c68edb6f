"""Writing a report to a file; the suffix chooses the form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_quant.evaluation.files import replace_file
from pytest_quant.report.markdown import markdown


def write_report(report: Mapping[str, Any], path: Path) -> None:
    """Write ``path`` as JSON or Markdown; raises `ValueError` for another suffix and `OSError` when it cannot."""
    if path.suffix == ".json":
        text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    elif path.suffix == ".md":
        text = markdown(report)
    else:
        raise ValueError(f"{path.name}: expected a file name that ends in .json or .md")
    replace_file(path, text.encode())
