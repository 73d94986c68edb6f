"""``python -m benchmarks.campaign PART [--seconds N] [--seed N]`` attacks, and prints tables.

``--seconds`` bounds what goes on for as long as there is time, such as mutants; attacks of a fixed list are made in any
case. The exit status is 1 when something came of a try that must not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module

from benchmarks.campaign.engines import check_engine
from benchmarks.campaign.outcome import Budget, Table, Try

PARTS: Mapping[str, str] = {
    "nets": "broken and mutated nets: each is refused, tried in a child, or right; nothing dies, nothing is made up",
    "runtime": "what ncnn takes without a word, done to the runner: it refuses, or answers as ever",
    "text": "mutants of everything that is read as text: every one is read, or refused by a message",
    "faults": "kills, damage to what is kept, full disks, two runs at once: the next run gives the same report",
}
"""Each is the module of that name in this package."""

Attack = Callable[[Budget], Iterator[Try]]


def attack_of(part: str) -> Attack:
    """What a part does."""
    attack: Attack = import_module(f"benchmarks.campaign.{part}").attack
    return attack


def main(arguments: Sequence[str]) -> int:
    """Attack; gives the exit status."""
    words = [f"  {name}: {what}" for name, what in PARTS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.campaign",
        description="\n".join(words),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=[*PARTS, "all"])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each part may go on (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="another one tries other mutants (default 0)")
    parser.add_argument(
        "--engine",
        choices=["hypothesis", "atheris", "seeded"],
        default="hypothesis",
        help="what makes mutants: hypothesis shrinks what it finds (default), atheris follows the branches of the code",
    )
    parser.add_argument(
        "--only", action="append", metavar="TEXT", help="only kinds whose names begin so, such as SIGKILL (repeatable)"
    )
    parser.add_argument("--small", action="store_true", help="faults happen to a project of one model and 40 images")
    parser.add_argument(
        "--times", type=int, help="each kind of fault happens so often, instead of for as long as there is time"
    )
    given = parser.parse_args(arguments)
    problem = check_engine(given.engine)
    if problem is not None:
        parser.error(problem)
    is_good = True
    for part in PARTS if given.part == "all" else [given.part]:
        table = Table()
        budget = Budget(
            given.seconds, given.seed, given.engine, tuple(given.only or [""]), is_small=given.small, times=given.times
        )
        print(f"{part}: {PARTS[part]}")
        table.add(attack_of(part)(budget))
        for line in table.lines():
            print(f"  {line}")
        for bad in table.bad:
            print(f"  {bad.outcome}: {bad.kind}: {bad.what}")
        is_good = is_good and not table.bad
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
