"""A short version of ``python -m benchmarks.campaign``: what must not come of an attack does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("part", ["nets", "text"])
def test_nothing_that_must_not_be(part: str) -> None:
    """In a process of its own: a net that kills the process which opens it shows as its end.

    The known faults only: ``test_mutants.py`` has mutants.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks.campaign", part, "--seconds", "0"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    header, *rows = found.stdout.splitlines()[1:]
    assert header.split()[-3:] == ["wrong", "traceback", "hang"]
    assert len(rows) > 15
    assert all(row.split()[-3:] == ["0", "0", "0"] for row in rows)
