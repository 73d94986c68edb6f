"""A run that is ended with all that could tell of it has left reports; nobody else has to write any."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.dying import write_project
from tests.integration.runs import PLAIN, UNCACHED, ZOO

TEST = """
import os, signal, time
from pathlib import Path
from pytest_quant import quant_model, quant_tolerance

def children(process):
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found

@quant_model("first")
@quant_tolerance(top1=5.0)
def test_end(quant_scores):
    run = {run}
    if run != os.getpid():
        time.sleep(1)  # the controller hears of it
    for process in (*children(run), run):  # as the end of a container does
        if process != os.getpid():
            os.kill(process, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


def run(project: Path, *args: str) -> int:
    """Ends as the run does; nobody is left who could write."""
    command = [sys.executable, "-m", "pytest", *PLAIN, *UNCACHED, "--quant", "--no-quant-diagnose", *args]
    environment = {**os.environ, "TMPDIR": str(project.parent)}
    with (project / "printed").open("w") as file:
        done = subprocess.run(command, cwd=project, env=environment, stdout=file, stderr=file, timeout=60, check=False)
    return done.returncode


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds all processes of a run in Linux's /proc")
@pytest.mark.parametrize("workers", ["0", "2"], ids=["serial", "xdist"])
def test_what_ran_is_crashed(project: Path, workers: str) -> None:
    (project / "test_it.py").write_text(TEST.replace("{run}", "os.getpid()" if workers == "0" else "os.getppid()"))
    names = ("report.json", "report.md", "report.html")
    for name in names:
        (project / name).write_text("of an earlier run")
    reports = [word for name in names for word in ("--quant-report", name)]
    tests = (f"{ZOO}::first::int8", f"{ZOO}::first::top1", "test_it.py", f"{ZOO}::second::int8")
    assert run(project, "-n", workers, "--maxfail=9", *reports, *tests) == -signal.SIGKILL
    assert "pytest --quant: the process" not in (project / "printed").read_text(), "nobody told of it afterwards"
    found = json.loads((project / "report.json").read_text())
    told = {case["id"].removeprefix(f"{ZOO}::"): (case["verdict"], case["outcome"]) for case in found["cases"]}
    assert told["test_it.py::test_end[first]"] == ("crashed", "failed")
    assert told.keys() == {"test_it.py::test_end[first]", "first::int8", "first::top1", "second::int8"}
    if workers == "0":
        assert told["first::int8"] == told["first::top1"] == ("pass", "passed")
        assert told["second::int8"] == ("skipped", "not_run")
        assert found["models"]["first"]["samples"]["evaluated"] == 60
    (reason,) = {case["reason"] for case in found["cases"] if case["id"] == "test_it.py::test_end[first]"}
    assert reason.startswith("the run has come as far as this test: unless it is still on it was ended here")
    for name in names[1:]:
        assert "crashed" in (project / name).read_text().lower()


CONFTEST = """
import json
from pathlib import Path

def pytest_runtest_teardown(item):
    file = Path("report.json")
    found = json.loads(file.read_text()) if file.exists() else {"cases": []}
    seen = {case["id"]: case["verdict"] for case in found["cases"]}
    with open("seen.jsonl", "a") as lines:
        print(json.dumps([item.nodeid, seen]), file=lines)
"""


def test_what_stands_there_meanwhile(project: Path) -> None:
    """The first test is told of at once, later ones as time allows; what is there is always whole."""
    (project / "conftest.py").write_text(CONFTEST)
    assert run(project, "--quant-report", "report.json", ZOO) == 0
    seen = [json.loads(line) for line in (project / "seen.jsonl").read_text().splitlines()]
    assert len(seen) == 6
    first, cases = seen[0]
    assert {name for name, verdict in cases.items() if verdict == "crashed"} == {first}
    for test, cases in seen:
        assert len(cases) == 6
        assert sum(verdict == "crashed" for verdict in cases.values()) == 1, test
    verdicts = {case["verdict"] for case in json.loads((project / "report.json").read_text())["cases"]}
    assert verdicts == {"pass"}
    assert not list(project.glob("*.part"))


def test_runs_without_accuracy_tests_leave_reports_alone(project: Path) -> None:
    (project / "report.json").write_text("of an earlier run")
    (project / "test_it.py").write_text("def test_one(): pass\n")
    assert run(project, "--quant-report", "report.json", "test_it.py") == 0
    assert (project / "report.json").read_text() == "of an earlier run"


WRITER = """
def pytest_quant_register(registry):
    registry.report(".txt", write)

def write(report, path):
    with open("calls", "a") as file:
        print(len(report.cases), file=file)
    path.write_text("own")
"""


def test_a_writer_of_ones_own_is_called_once(project: Path) -> None:
    (project / "conftest.py").write_text(WRITER)
    assert run(project, "--quant-report", "report.txt", ZOO) == 0
    assert (project / "calls").read_text() == "6\n"
