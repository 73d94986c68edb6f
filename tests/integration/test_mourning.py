"""A run whose process dies, or the controller of its workers: there is a report all the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dying import write_project
from tests.integration.runs import PLAIN, UNCACHED, ZOO

TESTS = """
import os, signal
from pytest_quant import quant_model, quant_tolerance

@quant_model("first")
@quant_tolerance(top1=5.0)
def test_end(): {end}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "pytest", *PLAIN, *UNCACHED, "--quant", "--no-quant-diagnose", *args]


def run(project: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Whoever waits for the end of its output waits for the report, too."""
    temporary = project.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = subprocess.run(
        command(*args), cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert list(temporary.glob("pytest-quant-*")) == [], "nothing of the run is left"
    return done


@pytest.mark.parametrize(
    ("end", "status", "how"),
    [
        ("os._exit(7)", 7, "ended with exit status 7"),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "was ended by SIGKILL"),
    ],
    ids=["exit", "SIGKILL"],
)
def test_what_ran_is_crashed(project: Path, end: str, status: int, how: str) -> None:
    (project / "test_it.py").write_text(TESTS.format(end=end))
    names = ("report.json", "report.md", "report.html")
    reports = (*chain.from_iterable(("--quant-report", name) for name in names), "--quant-history", "runs.sqlite")
    done = run(project, *reports, f"{ZOO}::first", "test_it.py", f"{ZOO}::second")
    assert done.returncode == status
    cases = {
        case["id"].removeprefix(f"{ZOO}::"): case for case in json.loads((project / "report.json").read_text())["cases"]
    }
    told = {name: (case["verdict"], case["outcome"]) for name, case in cases.items()}
    of = ("top1", "int8", "sanity")
    assert told == {
        **{f"first::{name}": ("pass", "passed") for name in of},
        "test_it.py::test_end[first]": ("crashed", "failed"),
        **{f"second::{name}": ("skipped", "not_run") for name in of},
    }
    reason = cases["test_it.py::test_end[first]"]["reason"]
    # How it ended is known unless whoever started it has asked first.
    ways = [
        f"the process of the run {way} while it ran test_it.py::test_end[first]"
        for way in (how, "ended without a word")
    ]
    assert reason in ways
    assert f"pytest --quant: {reason.replace('the process of the run', 'the process')}\n" in done.stderr
    assert "cases: 1 crashed, 3 not run, 3 pass\n" in done.stderr
    written = [line for line in done.stderr.splitlines() if line.startswith("written: ")]
    assert [line.rpartition(os.sep)[2] for line in written] == ["runs.sqlite", *names]
    assert "Traceback" not in done.stderr
    for name in names[1:]:
        assert "crashed" in (project / name).read_text().lower()
    assert (project / "runs.sqlite").exists()


def test_a_later_report_stays(project: Path) -> None:
    """Another run has written the file after this one began."""
    (project / "test_it.py").write_text(TESTS.format(end="open('report.json', 'w').write('later'); os._exit(7)"))
    done = run(project, "--quant-report", "report.json", "test_it.py")
    assert (project / "report.json").read_text() == "later"
    assert "report.json was written meanwhile, and stays" in done.stderr


def test_a_run_without_accuracy_tests_has_nothing_to_tell(project: Path) -> None:
    (project / "test_it.py").write_text("import os\n\ndef test_end(): os._exit(7)\n")
    done = run(project, "test_it.py")
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.parametrize(
    "how", ["", "raise KeyboardInterrupt", "pytest.exit('enough')"], ids=["end", "interrupt", "exit"]
)
def test_who_ends_by_himself_tells_himself(project: Path, how: str) -> None:
    (project / "conftest.py").write_text(f"import pytest\n\ndef pytest_runtest_teardown(item):\n    {how or 'pass'}\n")
    start = time.monotonic()
    done = run(project, "--quant-report", "report.json", f"{ZOO}::first::int8")
    assert done.returncode == (pytest.ExitCode.INTERRUPTED if how else pytest.ExitCode.OK)
    assert "the process" not in done.stderr
    assert time.monotonic() - start < 60
    assert json.loads((project / "report.json").read_text())["cases"][0]["verdict"] == "pass"


def test_a_fork_that_lives_longer_does_not_hold_the_report_back(project: Path) -> None:
    end = "os.fork() or (time.sleep(30), open('woke', 'w')); os._exit(7)"
    (project / "test_it.py").write_text(f"import time\n{TESTS.format(end=end)}")
    with (project / "printed").open("w") as file:
        report = ("--quant-report", "report.json")
        subprocess.run(command(*report, "test_it.py"), cwd=project, stdout=file, stderr=file, check=False)
    while "the process of the run" not in (project / "report.json").read_text():
        assert not (project / "woke").exists()
        time.sleep(0.05)


CONTROLLER = """
import os, signal, time
import pytest
from pytest_quant import quant_model, quant_tolerance

@quant_model("first")
@quant_tolerance(top1=5.0)
def test_end(quant_scores):
    while not os.path.exists("others"):
        time.sleep(0.01)
    time.sleep(1)  # the controller hears of it
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(20)

@quant_model("second")
@quant_tolerance(top1=5.0)
def test_wait(quant_scores):
    open("others", "w").close()
    time.sleep(20)
"""


def test_a_controller_that_dies(project: Path) -> None:
    """What its workers ran is crashed; what had reported has its verdict."""
    (project / "test_it.py").write_text(CONTROLLER)
    one, two = "test_it.py::test_end", "test_it.py::test_wait"  # each worker is given two of the first four
    tests = (f"{ZOO}::first::int8", one, f"{ZOO}::second::int8", two, f"{ZOO}::second::top1")
    with (project / "printed").open("w") as file:
        words = ("-n2", "--quant-report", "report.json", *tests)
        done = subprocess.run(command(*words), cwd=project, stdout=file, stderr=file, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    end = time.monotonic() + 60
    while "the process of the run" not in (project / "report.json").read_text() and time.monotonic() < end:
        time.sleep(0.05)
    cases = {case["id"].removeprefix(f"{ZOO}::"): case for case in _whole(project / "report.json")["cases"]}
    assert {name: (case["verdict"], case["outcome"]) for name, case in cases.items()} == {
        "first::int8": ("pass", "passed"),
        "second::int8": ("pass", "passed"),
        "test_it.py::test_end[first]": ("crashed", "failed"),
        "test_it.py::test_wait[second]": ("crashed", "failed"),
        "second::top1": ("skipped", "not_run"),
    }
    reason = cases["test_it.py::test_end[first]"]["reason"]
    assert reason.startswith("the process of the run ")
    assert reason.endswith(" while a worker ran test_it.py::test_end[first]")
    assert "cases: 2 crashed, 1 not run, 2 pass\n" in (project / "printed").read_text()


def _whole(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found
