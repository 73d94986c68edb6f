"""Measure what the installed plugin adds to the start-up of plain ``pytest``, without ``--quant``.

    python benchmarks/startup.py                  # two folders, 40 pairs of runs each, about two minutes
    python benchmarks/startup.py --pairs 100 --limit-ms 15

Each pair runs pytest on the same folder with the plugin and with `-p no:quant`, in alternating order, so that other
work on the machine meets both alike. Given are the medians over pairs of the difference and of the ratio, and the
difference of the least times, of wall-clock time and of processor time (user and system), which other work disturbs
less; and the processor time of importing the plugin in a process that has pytest. Bytecode is written, as it is for
users; one pair before the first does that. The exit status is 1 when the least processor times differ by more than the
limit.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PLAIN_TEST = "def test_plain():\n    pass\n"
QUANT_TESTS = """
from pytest_quant import quant_model, quant_tolerance

@quant_model("tiny")
@quant_tolerance(top1=1.0)
def test_marked(): ...

def test_fixture(quant_scores): ...
"""
WITHOUT_PLUGIN = ("-p", "no:quant")
IMPORT = """
import time
import pytest
start = time.process_time()
import pytest_quant.plugin.entry
print(time.process_time() - start)
"""


@dataclass(frozen=True)
class Cost:
    """Time of one run of pytest."""

    wall_ms: float
    cpu_ms: float


def environment() -> dict[str, str]:
    """The environment of this process, with bytecode written."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run_pytest(folder: Path, args: Sequence[str]) -> Cost:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, check=True)
    wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(1000 * wall_s, 1000 * cpu_s)


def measure(folder: Path, pairs: int) -> list[tuple[Cost, Cost]]:
    """Costs with and without the plugin, pair by pair."""
    found = []
    for index in range(pairs + 1):
        if index % 2:
            with_plugin, without = run_pytest(folder, ()), run_pytest(folder, WITHOUT_PLUGIN)
        else:
            without, with_plugin = run_pytest(folder, WITHOUT_PLUGIN), run_pytest(folder, ())
        found.append((with_plugin, without))
    return found[1:]  # the first pair wrote the bytecode


def import_ms(runs: int) -> list[float]:
    """Processor time of importing the plugin, in fresh processes."""
    command = [sys.executable, "-c", IMPORT]
    return [1000 * float(subprocess.check_output(command, env=environment())) for _ in range(runs)]


def report(name: str, costs: Sequence[tuple[Cost, Cost]]) -> float:
    """Print one line per clock; gives the difference of the least processor times in milliseconds."""
    least = 0.0
    for clock in ("wall_ms", "cpu_ms"):
        pairs = [(getattr(one, clock), getattr(other, clock)) for one, other in costs]
        added = statistics.median(one - other for one, other in pairs)
        ratio = statistics.median(one / other for one, other in pairs)
        least = min(one for one, _ in pairs) - min(other for _, other in pairs)
        print(
            f"{name:<26} {clock.removesuffix('_ms'):<4} without {statistics.median(other for _, other in pairs):7.1f} "
            f"ms, added {added:5.1f} ms, ratio {ratio:.3f}; least with and without differ by {least:.1f} ms"
        )
    return least


def write_folders(root: Path) -> Mapping[str, Path]:
    plain, zoo = root / "plain", root / "zoo"
    for folder in (plain, zoo):
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_plain.py").write_text(PLAIN_TEST)
    (zoo / "zoo.quant.yaml").write_text("version: 1\nmodels: {tiny: {task: classification}}\n")
    # Without the plugin there are no such fixtures: the marked tests stand where only their import counts.
    (zoo / "test_marked.py").write_text(QUANT_TESTS.split("def test_fixture")[0])
    return {"no zoo file": plain, "a zoo file, marked tests": zoo}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--limit-ms", type=float, default=15.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        added = [report(name, measure(folder, options.pairs)) for name, folder in write_folders(Path(root)).items()]
    imports = import_ms(options.pairs)
    print(f"importing the plugin takes {statistics.median(imports):.1f} ms (least {min(imports):.1f})")
    return int(max(added) > options.limit_ms)


if __name__ == "__main__":
    sys.exit(main())
