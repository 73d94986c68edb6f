"""The Markdown report in the summary of a GitHub Actions job."""

from __future__ import annotations

from pathlib import Path

from pytest_quant.report.markdown import markdown
from pytest_quant.report.model import Report

MOST_BYTES = 1024 * 1024
"""GitHub shows nothing of a step's summary that is larger."""
_NOTE = "\n\n*Shortened: a summary of GitHub holds 1 MiB. `--quant-report quant.md` writes the whole report.*\n"


def append_summary(report: Report, path: Path) -> None:
    """Append the report to the file that ``GITHUB_STEP_SUMMARY`` names; raises `OSError` where that cannot be done."""
    known = path.stat().st_size if path.exists() else 0
    with path.open("ab") as file:
        file.write(shortened(markdown(report), MOST_BYTES - known).encode())


def shortened(text: str, most_bytes: int) -> str:
    """The text, or as many of its lines as there is room for, and a note.

    >>> shortened("one", 10)
    'one'
    """
    if len(text.encode()) <= most_bytes:
        return text
    room = most_bytes - len(_NOTE.encode())
    if room <= 0:
        return ""
    kept = text.encode()[:room].decode(errors="ignore")
    return kept[: kept.rfind("\n") + 1].rstrip("\n") + _NOTE
