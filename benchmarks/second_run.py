"""Measure what a second run of accuracy cases costs beyond plain ``pytest``, with everything kept by the first.

    python benchmarks/second_run.py                              # fixtures/zoo.quant.yaml, 7 pairs of runs
    python benchmarks/second_run.py zoo.quant.yaml --pairs 20 --limit-s 2.5

The zoo file runs once with an empty cache; then each pair is that run again and plain pytest on a folder with as many
trivial tests, in alternating order. Given is processor time (user and system, of the process and its children): the
medians of both and of their difference over the pairs, and the difference of the least. Bytecode is written, as it is
for users; the first runs do that. The exit status is 1 when the median of the differences is above the limit.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRIVIAL = "import pytest\n\n@pytest.mark.parametrize('number', range({count}))\ndef test_trivial(number):\n    pass\n"


def environment() -> dict[str, str]:
    """The environment of this process, with bytecode written."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run_pytest(folder: Path, args: Sequence[str]) -> tuple[float, str]:
    """Processor time in seconds, and what was printed; raises `CalledProcessError` where the run is not green."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def cases_of(printed: str) -> int:
    """How many tests the last line counts."""
    return sum(map(int, re.findall(r"(\d+) (?:passed|failed|skipped|xfailed)", printed.strip().rpartition("\n")[2])))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zoo", type=Path, nargs="?", default=ROOT / "fixtures" / "zoo.quant.yaml")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--limit-s", type=float, default=2.5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain"
        plain.mkdir()
        quant = ["--quant", str(options.zoo.resolve()), "--quant-cache", f"{folder}/cache"]
        first_s, printed = run_pytest(ROOT, quant)
        count = cases_of(printed)
        (plain / "pytest.ini").write_text("[pytest]\n")
        (plain / "test_trivial.py").write_text(TRIVIAL.format(count=count))
        run_pytest(plain, [])
        kept: list[float] = []
        trivial: list[float] = []
        for index in range(options.pairs):
            for is_kept in (index % 2 == 0, index % 2 == 1):
                spent_s, _ = run_pytest(ROOT, quant) if is_kept else run_pytest(plain, [])
                (kept if is_kept else trivial).append(spent_s)
    added_s = statistics.median(one - other for one, other in zip(kept, trivial, strict=True))
    print(f"{options.zoo.name}: {count} cases, first run {first_s:.2f} s of processor time")
    print(f"second run   median {statistics.median(kept):.2f} s, least {min(kept):.2f} s")
    print(f"plain pytest median {statistics.median(trivial):.2f} s, least {min(trivial):.2f} s, {count} trivial tests")
    print(
        f"added        median {added_s:.2f} s, of the least {min(kept) - min(trivial):.2f} s; limit {options.limit_s} s"
    )
    return int(added_s > options.limit_s)


if __name__ == "__main__":
    sys.exit(main())
