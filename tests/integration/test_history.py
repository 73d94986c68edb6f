"""``--quant-history`` through whole runs, and ``pytest-quant history``."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pytest_quant.cli.main import main
from pytest_quant.history.file import HistoryFile
from tests import tiny
from tests.integration.runs import ZOO, Run, run_quant

FILE = "history.db"


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = pytester.path
    monkeypatch.chdir(root)
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root)
    tiny.write_zoo(root, {"tiny": tiny.model_entry(root), "bad": tiny.write_bad_model(root)})
    return root


def run(pytester: pytest.Pytester, *args: str) -> Run:
    return run_quant(pytester, "--quant-history", FILE, *args, cached=True)


def test_every_run_is_kept_and_shown(
    pytester: pytest.Pytester, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(pytester)
    assert first.status == pytest.ExitCode.TESTS_FAILED
    assert f"written: {project / FILE}" in first.text
    tiny.write_net(project, "bad-int8", int8=True)  # mended
    found = run(pytester, "-n", "2", "--quant-report", "report.html", "--quant-report", "report.md")
    assert found.status == pytest.ExitCode.OK
    assert "top1 over 2 runs" in (project / "report.html").read_text()
    assert "| bad |" in (project / "report.md").read_text()

    runs = HistoryFile(project / FILE).runs()
    assert [kept.number for kept in runs] == [1, 2]  # of the workers none writes
    before, after = ({one.model: one for one in kept.results} for kept in runs)
    assert (before["bad"].verdict, after["bad"].verdict) == ("FAIL", "PASS")
    assert before["bad"].int8 == first.metric("bad")["int8"]
    assert before["tiny"].files_sha256 == after["tiny"].files_sha256

    capsys.readouterr()
    assert main(["history", "bad", "--file", FILE]) == 0
    text = capsys.readouterr().out
    assert "bad top1" in text
    assert "other files" in text
    assert "2 runs, the last one right; o int8, - fp32, * both" in text
    assert "tiny" not in text
    assert main(["history", "--file", FILE, "--last", "1"]) == 0
    text = capsys.readouterr().out
    assert "tiny top1" in text
    assert "FAIL" not in text
    assert main(["history", "--file", FILE, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["run"] for one in listed] == [1, 2]
    assert {result["model"] for result in listed[0]["results"]} == {"tiny", "bad"}
    assert main(["history", "tini", "--file", FILE]) == 2
    assert "Did you mean `tiny`" in capsys.readouterr().err


def test_the_ini_option_is_relative_to_rootdir(pytester: pytest.Pytester, project: Path) -> None:
    (project / "pytest.ini").write_text(f"[pytest]\nquant_history = {FILE}\n")
    (project / "below").mkdir()
    run_quant(pytester, "-k", "tiny and top1")
    assert [one.model for one in HistoryFile(project / FILE).runs()[0].results] == ["tiny"]


def test_the_commit_is_kept_where_there_is_one(pytester: pytest.Pytester, project: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    pytester.run(*git, "init", "-q")
    pytester.run(*git, "add", ZOO)
    pytester.run(*git, "commit", "-q", "-m", "one")
    run(pytester)
    with (project / ZOO).open("a") as file:
        file.write("# changed\n")
    run(pytester)
    first, second = (kept.run.commit for kept in HistoryFile(project / FILE).runs())
    assert first is not None
    assert second is not None
    assert first.sha == second.sha
    assert len(first.sha) == 40
    assert (first.is_dirty, second.is_dirty) == (False, True)


def test_a_file_that_cannot_be_used_loses_no_verdict(pytester: pytest.Pytester, project: Path) -> None:
    with closing(sqlite3.connect(project / FILE)) as connection, connection:
        connection.execute("CREATE TABLE visits (url TEXT)")
    found = run(pytester, "-k", "tiny", "--quant-report", "report.html")
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert found.verdicts["tiny::top1"] == "pass"
    assert f"--quant-history: the run is not kept: {FILE}: is a database of another program" in found.text
    assert (project / "report.html").is_file()


def test_a_folder_is_refused(pytester: pytest.Pytester, project: Path) -> None:
    (project / FILE).mkdir()
    found = run(pytester)
    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert "is a folder, expected the name of a file" in found.errors


def test_collecting_keeps_nothing(pytester: pytest.Pytester, project: Path) -> None:
    run(pytester, "--collect-only")
    assert not (project / FILE).exists()
