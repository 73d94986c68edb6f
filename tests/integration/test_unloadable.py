"""A library that cannot be loaded: a usage error of one line, whichever process is the first to need it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.at_start import write_project
from tests.integration.runs import PLAIN, UNCACHED

SITE = """
import os
import sys
from pathlib import Path

class Damaged:
    def find_spec(name, path=None, target=None):
        if name == os.environ["DAMAGED"] and Path(os.environ["IS_DAMAGED"]).exists():
            raise ImportError("libgomp.so.1: cannot open shared object file")

sys.meta_path.insert(0, Damaged)
"""
CONFTEST = """
import os
from pathlib import Path

from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner


def run(net, array):
    Path(os.environ["IS_DAMAGED"]).touch()
    os._exit(9)


NcnnRunner.run = run
"""
BASELINE = ("--quant-baseline", "baseline.json")


@pytest.fixture(autouse=True)
def flag(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(pytester, monkeypatch, SITE)
    monkeypatch.setenv("DAMAGED", "ncnn")
    monkeypatch.setenv("IS_DAMAGED", str(pytester.path / "damaged"))
    return pytester.path / "damaged"


def run(pytester: pytest.Pytester, *args: str) -> tuple[pytest.RunResult, str]:
    ignored = ("-W", "ignore::pytest.PytestUnraisableExceptionWarning")  # pytest-xdist leaves dead workers as they are
    found = pytester.runpytest_subprocess("--quant", *PLAIN, *UNCACHED, *ignored, *args)
    text = f"{found.stdout}{found.stderr}"
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text
    return found, text


@pytest.mark.parametrize(
    ("library", "args"),
    [
        ("ncnn", ()),
        ("PIL", ()),
        ("ncnn", ("-n2",)),
        ("ncnn", ("-n2", "--max-worker-restart=0")),
        ("numpy", ("-n2",)),
        ("numpy", ("-n2", *BASELINE)),
        ("filelock", ("-n2",)),
    ],
)
def test_it_is_a_usage_error(
    pytester: pytest.Pytester, flag: Path, monkeypatch: pytest.MonkeyPatch, library: str, args: tuple[str, ...]
) -> None:
    flag.touch()
    monkeypatch.setenv("DAMAGED", library)
    found, text = run(pytester, *args)
    assert found.ret == pytest.ExitCode.USAGE_ERROR, text
    assert text.count("cannot be loaded: ImportError: libgomp.so.1: cannot open shared object file; is the") == 1
    assert "ERROR: --quant: " in found.stderr.str()
    assert "crashed" not in text


def test_a_worker_that_takes_the_place_of_a_dead_one_cannot_load_it(pytester: pytest.Pytester) -> None:
    """What was decided has its verdict, and what was not run is told."""
    pytester.makeconftest(CONFTEST)
    found, text = run(pytester, "-n1", "--quant-report", "report.md")
    assert found.ret == pytest.ExitCode.TESTS_FAILED, text
    assert "cannot be loaded: ImportError: libgomp.so.1: cannot open shared object file; is the" in text
    assert "crashed" in (pytester.path / "report.md").read_text()
