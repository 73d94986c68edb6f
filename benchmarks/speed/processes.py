"""A whole process: wall-clock time, processor time with its children's, and the most memory that it held."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

LAUNCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(code)
"""
"""A small process in between: a child's most memory counts that of its parent at the moment of the fork."""


@dataclass(frozen=True)
class Cost:
    """Of one process and of the children that it waited for."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def cost_of(command: Sequence[str], folder: Path) -> Cost:
    """Run it to its end; raises `SystemExit` with what it printed where it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with TemporaryFile() as printed:
        launched = subprocess.run(
            [sys.executable, "-c", LAUNCH, *command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=printed,
        )
        if launched.returncode:
            printed.seek(0)
            raise SystemExit(f"{' '.join(command)}\n{printed.read().decode()}")
    return Cost(*map(float, launched.stdout.split()))


def pytest_cost(folder: Path, *args: str) -> Cost:
    """Of pytest in a folder, nothing kept from before unless ``args`` name a cache.

    The plugin of hypothesis is left out, which loads its library (0.1 s) in each run, and is no part of any of them.
    """
    without = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    return cost_of([sys.executable, "-m", "pytest", "-q", *without, *args], folder)
