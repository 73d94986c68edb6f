"""``--quant-history`` where the operating system refuses: no verdict is lost, nor what was kept before."""

from __future__ import annotations

import resource
import signal
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.history import file as history_file
from pytest_quant.history.file import HistoryFile
from tests import tiny
from tests.integration.runs import Run, run_quant

FILE = "history.db"
Break = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = pytester.path
    monkeypatch.chdir(root)
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=60)
    tiny.write_zoo(root, {"tiny": tiny.model_entry(root)})
    return root


def run(pytester: pytest.Pytester, *args: str) -> Run:
    return run_quant(pytester, "--quant-history", FILE, *args, cached=True)


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file may become longer, as on a disk that is full, while the run is kept."""
    original = HistoryFile.add

    def bounded(*args: Any) -> int:
        before, (_, hard) = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
        try:
            return original(*args)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            signal.signal(signal.SIGXFSZ, before)

    monkeypatch.setattr(HistoryFile, "add", bounded)


def read_only_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file is opened there; rights alone do not stop root."""
    opened = partial(sqlite3.connect, uri=True)
    monkeypatch.setattr(sqlite3, "connect", lambda path, **given: opened(f"file:{path}?mode=ro", **given))


def broken_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(history_file, "migrate", refuse)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (full_disk, r"disk I/O error|database or disk is full"),
        (read_only_disk, r"attempt to write a readonly database"),
        (broken_disk, r"disk I/O error"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_no_verdict_is_lost(
    pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch, broken: Break, says: str, is_first: bool
) -> None:
    if not is_first:
        assert run(pytester).status == pytest.ExitCode.OK
    with monkeypatch.context() as patch:
        broken(patch)
        found = run(pytester)
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert found.verdicts["tiny::top1"] == "pass"
    assert "INTERNALERROR" not in found.text
    says = "unable to open database file" if is_first and broken is read_only_disk else says
    found.result.stdout.re_match_lines([rf"--quant-history: the run is not kept: history\.db: .*({says}).*"])
    assert run(pytester).status == pytest.ExitCode.OK
    kept = HistoryFile(project / FILE).runs()
    assert len(kept) == (1 if is_first else 2), "what was kept before, and the run behind it"
    assert all(one.results[0].verdict == "PASS" for one in kept)
