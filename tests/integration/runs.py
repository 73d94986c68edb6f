"""Run pytest on a folder of zoo files, inside this process, and read what came of it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PLAIN = ("-p", "no:hypothesispytest", "-W", "error", "-W", "ignore::pytest_quant.spec.errors.QuantWarning")
"""Flags of every run; the other plugin would import its library in each of them. Small datasets make small warnings."""
UNCACHED = ("-p", "no:cacheprovider")
ZOO = "zoo.quant.yaml"


_imported: dict[str, ModuleType] = {}
"""What inner runs of this process imported so far: pytester forgets it, and each run would load it anew."""


class _NoteImports:
    """A plugin of an inner run that notes its modules, except those of the test itself, which lie in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pytest_unconfigure(self) -> None:
        """Note them."""
        note_imports(self._folder)


def note_imports(folder: Path) -> None:
    """Note the modules of this process, except those that lie in the folder of a test."""
    for name, module in sys.modules.items():
        file = getattr(module, "__file__", None)
        if file and not Path(file).is_relative_to(folder):
            _imported.setdefault(name, module)


def remember_imports() -> None:
    """Bring back the modules that pytester has made this process forget, at the end of a run and of a test."""
    for name, module in _imported.items():
        sys.modules.setdefault(name, module)


def forget_import(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The runs of this test load a module again, if they can."""
    monkeypatch.delitem(_imported, name, raising=False)
    monkeypatch.delitem(sys.modules, name, raising=False)


def run_inside(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    """Run ``pytest`` in this process; whatever it imports of installed packages is imported once for all such runs."""
    remember_imports()
    try:
        return pytester.runpytest_inprocess(*args, plugins=[_NoteImports(pytester.path)])
    finally:
        remember_imports()


@dataclass(frozen=True)
class Run:
    """One run of pytest with its JSON report."""

    result: pytest.RunResult
    report: dict[str, Any] | None

    @property
    def status(self) -> int:
        return int(self.result.ret)

    @property
    def text(self) -> str:
        """What it printed."""
        return self.result.stdout.str()

    @property
    def errors(self) -> str:
        """What it printed to stderr: usage errors."""
        return self.result.stderr.str()

    @property
    def cases(self) -> dict[str, dict[str, Any]]:
        """Cases by their id, without the zoo file where it is `ZOO`."""
        assert self.report is not None, f"no report was written:\n{self.text}\n{self.errors}"
        return {case["id"].removeprefix(f"{ZOO}::"): case for case in self.report["cases"]}

    @property
    def verdicts(self) -> dict[str, str]:
        """Case id to verdict and, where it is not the usual one of that verdict, outcome.

        The case `sanity` of a model is left out unless it says `fail`: else it passes, or what stands in the way of the
        other cases is in its way, too. ``test_sanity.py`` is about it.
        """
        usual = {"pass": "passed", "fail": "failed", "inconclusive": "failed", "error": "failed", "skipped": "skipped"}
        return {
            name: case["verdict"]
            if usual[case["verdict"]] == case["outcome"]
            else f"{case['verdict']} {case['outcome']}"
            for name, case in self.cases.items()
            if not (name.endswith("::sanity") and case["verdict"] in ("pass", "skipped", "error"))
        }

    def metric(self, model: str, name: str = "top1") -> dict[str, Any]:
        """What the report says of a model's metric."""
        assert self.report is not None
        entry: dict[str, Any] = self.report["models"][model]["metrics"][name]
        return entry


def run_plain(pytester: pytest.Pytester, *args: str) -> Run:
    """Run ``pytest`` in the tester's folder, warnings being errors, without ``--quant``."""
    return Run(run_inside(pytester, *PLAIN, *UNCACHED, *args), None)


def run_quant(pytester: pytest.Pytester, *args: str, cached: bool = False) -> Run:
    """Run ``pytest --quant`` in the tester's folder, warnings being errors, and read its report."""
    path = pytester.path / "report.json"
    path.unlink(missing_ok=True)
    cache = () if cached else UNCACHED
    result = run_inside(pytester, "--quant", *PLAIN, *cache, "--quant-report", str(path), *args)
    return Run(result, json.loads(path.read_text()) if path.exists() else None)
