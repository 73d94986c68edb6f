"""Where the time of a run goes, on this machine: one table, and JSON with ``--json FILE``.

    python -m benchmarks.speed --shared ../shared                       # everything, some 20 minutes
    python -m benchmarks.speed --shared ../shared --parts a c --rounds 5

(a) processor time of direct calls of OpenCV and ncnn over that of an evaluation, and the wall on one core over all;
(b) wall of a whole process beside a pytest loop written by hand; (c) ``-n 2`` beside serial; (d) a second run beside
the first; (e) most memory against images and models; (f) collecting 1000 models; (g) early stop; (h) two
Dask workers of this machine beside a serial run. The two of a ratio run
in turns; given is the median of the rounds, with the least and the most. Read them on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.speed import runs, sample
from benchmarks.speed.models import REAL, real_models
from benchmarks.speed.rows import Row

PARTS = "abcdefgh"
WANTED = {"squeezenet": 0.97, "resnet20": 0.90}


def rows(shared: Path, parts: str, rounds: int) -> Iterator[Row]:
    """Of the parts, as they are found."""
    models = real_models(shared)
    if "a" in parts:
        for name, samples in REAL.items():
            yield from sample.rows(models[name], min(samples, 4000), rounds, WANTED[name])
    if "b" in parts:
        yield from runs.by_hand(shared, models, rounds)
    if "c" in parts:
        yield from runs.workers(shared, rounds)
    if "d" in parts:
        yield from runs.again(shared, rounds)
    if "e" in parts:
        yield from runs.memory(shared)
    if "f" in parts:
        yield from runs.large_zoo(shared, rounds)
    if "g" in parts:
        yield from runs.early_stop(shared, rounds)
    if "h" in parts:
        yield from runs.cluster(shared, rounds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="the folder with models/ and data/")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = []
    for row in rows(given.shared, "".join(given.parts), given.rounds):
        print(row, flush=True)
        found.append(row)
    if given.json:
        given.json.write_text(json.dumps([asdict(row) | {"is_met": row.is_met} for row in found], indent=1) + "\n")
    return int(any(row.is_met is False for row in found))


if __name__ == "__main__":
    sys.exit(main())
