"""What the published table in miniature takes: ``pytest --quant fixtures`` twice, without and with kept predictions.

    python -m benchmarks.fixtures_table [-- ARGS FOR PYTEST]

Prints wall time, CPU time and peak memory of each run. Memory is the largest resident set of one process; with ``-n`` a
run has several.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def measured(cache: Path, extra: Sequence[str]) -> tuple[float, float, float, int]:
    """Wall time and CPU time in seconds, peak memory in MB, exit status of one run."""
    command = [sys.executable, "-m", "pytest", "--quant", "fixtures", "--quant-cache", str(cache), "-q", *extra]
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        said = run.communicate()[0].decode()
    wall_s = time.perf_counter() - start
    if run.returncode:
        print(said)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, run.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the table of fixtures/, first and second run.")
    parser.add_argument("extra", nargs="*", help="further arguments for pytest, after --")
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the first run")
    cpu_before, status = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first run", "second run"):
            wall_s, cpu_s, peak_mb, code = measured(Path(folder), args.extra)
            print(f"{name:10}  {wall_s:5.1f} s wall  {cpu_s - cpu_before:5.1f} s CPU  {peak_mb:5.0f} MB at most so far")
            cpu_before, status = cpu_s, status or code
    return status


if __name__ == "__main__":
    sys.exit(main())
