"""A worker that is killed before it has greeted pytest-xdist: a message, and no internal error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.at_start import write_project
from tests.integration.runs import PLAIN, UNCACHED

SITE = """
import os
from pathlib import Path

flag = Path(os.environ["DIE_AT_START"])
if flag.exists() and b"sys.stdin.readline" in Path("/proc/self/cmdline").read_bytes():
    os._exit(9)
"""
CONFTEST = """
import os
from pathlib import Path

from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner


def run(net, array):
    Path(os.environ["DIE_AT_START"]).touch()
    os._exit(9)


NcnnRunner.run = run
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc tells which process it is")


@pytest.fixture(autouse=True)
def flag(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(pytester, monkeypatch, SITE)
    monkeypatch.setenv("DIE_AT_START", str(pytester.path / "die"))
    return pytester.path / "die"


def run(pytester: pytest.Pytester) -> tuple[pytest.RunResult, str]:
    ignored = ("-W", "ignore::pytest.PytestUnraisableExceptionWarning")  # pytest-xdist leaves the dead worker as it is
    given = (*PLAIN, *UNCACHED, *ignored, "-n", "2", "--quant-report", "report.md")
    found = pytester.runpytest_subprocess("--quant", *given)
    text = f"{found.stdout}{found.stderr}"
    assert "INTERNALERROR" not in text
    return found, text


def test_nothing_has_begun(pytester: pytest.Pytester, flag: Path) -> None:
    flag.touch()
    found, text = run(pytester)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert "--quant: a worker of pytest-xdist ended while it was being started: it was killed from outside" in text
    assert "nothing was measured, run again" in text
    assert "Traceback" not in text


def test_the_one_that_takes_the_place_of_a_dead_one(pytester: pytest.Pytester) -> None:
    (pytester.path / "conftest.py").write_text(CONFTEST)
    found, text = run(pytester)
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    assert "a worker of pytest-xdist ended while it was being started" in text
    assert "CRASHED" in (pytester.path / "report.md").read_text().upper()
