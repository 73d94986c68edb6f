"""Names out of files wherever they come to light: logs of a continuous integration, histories, comparisons, merges."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_quant.cli.main import main
from pytest_quant.evaluation.engine.events import ShardDone, Started
from pytest_quant.run.progress.lines import job_line
from pytest_quant.run.progress.state import Running
from tests import tiny
from tests.integration.runs import run_plain, run_quant
from tests.integration.test_hostile_names import OBEYED, Tags
from tests.integration.test_parts import merge

EVIL = "::error file=x::\x1b[31m\u202e<script>alert(1)</script>|`b`[l](http://e)\n::warning::##[error]\n##vso[task.x]"
SAMPLE = "::error::\x1b[31m\u202e<b>|##[error]s.png"
COMMAND = re.compile(r"^\s*::[A-Za-z]|##\w*\[", re.MULTILINE)
"""What GitHub, Azure and TeamCity take for a command in a log."""


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = pytester.path
    monkeypatch.chdir(root)
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=60, wrong=0.0)
    (root / "images" / "000.png").rename(root / "images" / SAMPLE)
    file = root / "list.txt"
    file.write_text(file.read_text().replace("000.png", SAMPLE))
    (root / "classes.txt").write_text("".join(f"{EVIL.splitlines()[0]}{number}\n" for number in range(tiny.CLASSES)))
    dataset = {"type": "image-list", "root": ".", "list": "list.txt"}
    entry = tiny.write_bad_model(root, dataset=EVIL, class_tolerance={"top1": 10.0}, floor={"top1": 99.0})
    tiny.write_zoo(root, {"bad": entry}, datasets={EVIL: dataset})
    return root


def renamed(path: Path) -> None:
    """A report whose model has a name that no zoo file may give it."""
    text = path.read_text()
    path.write_text(text.replace('"bad"', json.dumps(EVIL)).replace("::bad::", f"::{json.dumps(EVIL)[1:-1]}::"))


def harmless(text: str, what: str) -> None:
    assert OBEYED.findall(text) == [], what
    assert COMMAND.findall(text) == [], what


def no_markup(text: str) -> None:
    assert "<script" not in text
    assert "](http" not in text


def test_a_job_of_github(pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = project / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    found = run_plain(pytester, "--quant", "--junitxml", "j.xml", "-v", "-rA", "--color=no", "--quant-diagnose")
    assert found.status == pytest.ExitCode.TESTS_FAILED
    harmless(found.text, "terminal")
    assert r"\x3a:error file=x::\x1b[31m\u202e<script>" in found.text
    commands = [line for line in found.errors.splitlines() if line.startswith("::")]
    assert commands
    assert all(line.startswith("::error file=zoo.quant.yaml,line=") for line in commands)
    harmless("\n".join(line.partition(",line=")[2] for line in commands), "annotations")
    markdown = summary.read_text()
    harmless(markdown, "summary")
    no_markup(markdown)
    assert "## Classes that lose most" in markdown
    junit = (project / "j.xml").read_text()
    ElementTree.fromstring(junit)  # noqa: S314 - our own
    harmless(junit, "JUnit")


def test_a_history(pytester: pytest.Pytester, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    update = ("--quant-history", "h.db", "--quant-baseline", "b.json", "--quant-update-baseline", "--color=no")
    for page_too in ([], ["--quant-report", "r.html"]):
        found = run_quant(pytester, *update, *page_too, cached=True)
        harmless(found.text, "baseline")
        with closing(sqlite3.connect("h.db")) as connection, connection:
            connection.execute("UPDATE runs SET started = ?, environment = ?", (EVIL, json.dumps({EVIL: EVIL})))
            connection.execute("UPDATE results SET verdict = ?, unit = ?", (EVIL, EVIL))
    page = (project / "r.html").read_text()
    harmless(page, "page")
    assert "over 2 runs" in page
    tags = Tags()
    tags.feed(page)
    assert tags.scripts == 1  # the page's own
    with closing(sqlite3.connect("h.db")) as connection, connection:
        connection.execute("UPDATE results SET model = ?", (EVIL,))
    for command in ([], [EVIL]):
        capsys.readouterr()
        assert main(["history", "--file", "h.db", *command]) == 0
        text = capsys.readouterr().out
        harmless(text, "history")
        assert text.splitlines()[0].startswith(r"\x3a:error file=x::\x1b[31m\u202e<script>")
        assert text.splitlines()[0].endswith(" top1")
    assert main(["history", f"no{EVIL}", "--file", "h.db"]) == 2
    harmless(capsys.readouterr().err, "an unknown model")


def test_a_comparison(pytester: pytest.Pytester, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_quant(pytester, cached=True)
    shutil.copy(project / "report.json", project / "old.json")
    tiny.write_net(project, "bad-int8", int8=True)
    run_quant(pytester, cached=True)
    for name in ("old.json", "report.json"):
        renamed(project / name)
    compare = ["compare", "old.json", "report.json", "--fail-on", "never"]
    capsys.readouterr()
    assert main(compare) == 0
    text = capsys.readouterr().out
    harmless(text, "compare")
    assert any(line.startswith(r"\x3a:error file=x::\x1b[31m\u202e<script>") for line in text.splitlines())
    assert main([*compare, "--markdown"]) == 0
    markdown = capsys.readouterr().out
    harmless(markdown, "compare --markdown")
    no_markup(markdown)
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1


def test_a_merge(pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("1", "2"):
        report = ("--quant-report", f"part{part}.json")
        found = run_plain(pytester, "--quant", "--quant-shard", f"{part}/2", *report, "--no-quant-diagnose")
        assert found.status == 0, found.text
        harmless(found.text, "part")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:cacheprovider --color=no")
    merged = merge(project, "--report", "merged.md", parts=("part1.json", "part2.json"))
    assert merged.status == 1, merged.errors
    assert merged.verdicts["bad::top1"] == "fail"
    harmless(merged.text + merged.errors, "merge")
    assert r"\x3a:error file=x::" in merged.text
    assert merged.report is not None
    assert merged.report["models"]["bad"]["dataset"] == EVIL  # JSON has it as it is
    harmless((project / "merged.md").read_text(), "Markdown")
    no_markup((project / "merged.md").read_text())


def test_a_merge_of_hostile_parts(pytester: pytest.Pytester, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_plain(pytester, "--quant", "--quant-shard", "1/1", "--quant-report", "part1.json", "--no-quant-diagnose")
    renamed(project / "part1.json")
    capsys.readouterr()
    assert main(["merge", "part1.json", "--root", f"no{EVIL}"]) == 2
    harmless(capsys.readouterr().err, "merge")
    assert main(["merge", "part1.json"]) == 2
    harmless(capsys.readouterr().err, "merge")


def test_names_of_models_are_refused_in_words(pytester: pytest.Pytester, project: Path) -> None:
    tiny.write_zoo(project, {EVIL: tiny.model_entry(project)})
    found = run_plain(pytester, "--quant", "--color=no")
    assert found.status == pytest.ExitCode.TESTS_FAILED
    harmless(found.text, "terminal")
    assert "expected a letter or digit followed by letters" in found.text
    assert not any(line.startswith(r"\x3a:warning") for line in found.text.splitlines()), "a name is broken in two"


def test_lines_of_progress() -> None:
    running = Running()
    running.fold(Started(EVIL, "evaluation", 10, ("fp32", "int8")), 0.0)
    running.fold(ShardDone(EVIL, "evaluation", 0, 5, True, 0.1), 1.0)
    (job,) = running.jobs()
    for width in (20, 40, 1000):
        line = job_line(job, 2.0, width, 0.95)
        harmless(line, "progress")
        assert len(line) <= width
