"""Commands whose output goes to a full disk, to nobody, or nowhere; in processes of their own, as shells start them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

POSIX = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "POSIX"}


def shell(command: str, changes: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command line in which ``PQ`` stands for the program; what it holds back is flushed at its end."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    program = f'"{sys.executable}" -m pytest_quant'
    return subprocess.run(
        ["sh", "-c", command.replace("PQ", program)],  # noqa: S607
        capture_output=True,
        text=True,
        env={**environment, **(changes or {})},
        check=False,
        timeout=60,
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["docs", "docs robustness", "--help", "lint --help"])
def test_a_full_disk_is_one_line(command: str) -> None:
    done = shell(f"PQ {command} > /dev/full")
    assert done.stderr == "pytest-quant: error: stdout: No space left on device\n"
    assert done.returncode == 2


def test_messages_that_nobody_can_be_told_change_no_exit_status() -> None:
    done = shell("PQ inspect none.param 2> /dev/full")
    assert (done.returncode, done.stdout) == (2, "")
    done = shell("PQ inspect none.param 2>&-")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("command", ["docs", "docs robustness", "--help"])
def test_nobody_reads_on(command: str) -> None:
    done = shell(f"{{ PQ {command}; echo $? >&2; }} | true")
    assert done.stderr == "0\n"


def test_a_closed_stdout() -> None:
    done = shell("PQ docs >&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = shell("PQ docs >&- 2>&- <&-")
    assert done.returncode == 0


def test_what_stdout_cannot_encode_is_escaped() -> None:
    done = shell("PQ docs zoo-file", POSIX)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u2026" in done.stdout


def test_names_of_files_that_are_not_of_this_encoding() -> None:
    done = shell("PQ inspect modèle.param", POSIX)
    assert done.returncode == 2
    assert done.stderr == "pytest-quant: error: mod\\udcc3\\udca8le.param: no such .param file\n"
