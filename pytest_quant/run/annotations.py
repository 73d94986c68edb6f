"""GitHub Actions: each case that failed stands at its line in the pull request."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_quant.spec.text import visible

_OTHERS = ("pytest_github_actions_annotate_failures", "annotate_errors")
"""The plugin that annotates every failing test, ours too: names of its module and of its object."""
_CASE_FILE = ".quant.yaml"


class Annotations:
    """Prints ``::error file=...,line=...`` lines to stderr at the end of a run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._failed: dict[tuple[str, str | None], pytest.TestReport] = {}

    @staticmethod
    def are_wanted(config: pytest.Config) -> bool:
        """Whether this is a job of GitHub Actions in which no other plugin does the same."""
        is_job = os.environ.get("GITHUB_ACTIONS") == "true"
        return is_job and not any(config.pluginmanager.hasplugin(name) for name in _OTHERS)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what failed: accuracy tests, and zoo files' cases whose worker died."""
        if report.failed and (hasattr(report, "quant") or _CASE_FILE in report.nodeid):
            self._failed[report.nodeid, report.when] = report

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Print them all, each on a line of its own, also where stdout and stderr are one stream."""
        if self._failed:
            print(file=sys.stderr)  # ends the line of dots
        for report in self._failed.values():
            file, line, _ = report.location
            place = _in_workspace(self._config.rootpath / file)
            message = report.longreprtext or str(getattr(report.longrepr, "reprcrash", ""))
            print(error_command(place, line, report.nodeid, message), file=sys.stderr)


def error_command(file: str, line: int | None, title: str, message: str) -> str:
    """A workflow command; ``line`` is counted from 0, None: not known.

    >>> error_command("zoo.quant.yaml", 30, "zoo.quant.yaml::m::top1", "FAIL: 1 %")
    '::error file=zoo.quant.yaml,line=31,title=zoo.quant.yaml%3A%3Am%3A%3Atop1::FAIL: 1 %25'
    """
    entries = {"file": file, "line": None if line is None else str(line + 1), "title": title}
    properties = ",".join(f"{name}={_property(value)}" for name, value in entries.items() if value is not None)
    return f"::error {properties}::{_data(message)}"


def _data(text: str) -> str:
    return visible(text, lines=True).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _in_workspace(path: Path) -> str:
    """Relative to the checkout, as GitHub takes paths; else as it is."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    absolute = Path(os.path.abspath(path))
    if workspace and absolute.is_relative_to(workspace):
        return absolute.relative_to(workspace).as_posix()
    return os.path.relpath(path)
