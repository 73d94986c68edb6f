"""Where the time of a run goes, on this machine: one table, and JSON with ``--json FILE``.

    python -m benchmarks.speed --shared ../shared                       # everything, some 30 minutes
    python -m benchmarks.speed --shared ../shared --parts a c --rounds 5

(a) processor time of direct calls of OpenCV and ncnn over that of an evaluation, and the wall on one core over all,
beside what processes of direct calls side by side reach on this machine;
(b) wall of a whole process beside a pytest loop written by hand; (c) ``-n 2`` beside serial; (d) a second run beside
the first; (e) most memory against images and models; (f) collecting 1000 models; (g) early stop; (h) two
Dask workers of this machine beside a serial run; (i) what of a sample's time, by direct calls, is reading and decoding
its image; (j) processor time of the forward passes over that of an evaluation, and one core over all, for every model
of ``fixtures/`` and of the shared folder, 60 samples each; (k) an evaluation on one core of files that take
3 ms each to open, as on a network drive, over that of files in memory. The two of a ratio run in turns; given is the
median of the rounds, with the least and the most. Read them on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.speed import decoding, drive, every, runs, sample
from benchmarks.speed.models import REAL, all_models, real_models
from benchmarks.speed.rows import Row
from pytest_quant.spec.model import ModelSpec

PARTS = "abcdefghijk"
WANTED = {"squeezenet": 0.97, "resnet20": 0.90}


def rows(shared: Path, parts: str, rounds: int) -> Iterator[Row]:
    """Of the parts, as they are found."""
    models = real_models(shared)
    found: dict[str, Callable[[], Iterator[Row]]] = {
        "a": lambda: _samples(models, rounds),
        "b": lambda: runs.by_hand(shared, models, rounds),
        "c": lambda: runs.workers(shared, rounds),
        "d": lambda: runs.again(shared, rounds),
        "e": lambda: runs.memory(shared),
        "f": lambda: runs.large_zoo(shared, rounds),
        "g": lambda: runs.early_stop(shared, rounds),
        "h": lambda: runs.cluster(shared, rounds),
        "i": lambda: decoding.rows(models, rounds),
        "j": lambda: every.rows(all_models(shared), rounds),
        "k": lambda: drive.rows(models, rounds),
    }
    for part, measured in found.items():
        if part in parts:
            yield from measured()


def _samples(models: dict[str, ModelSpec], rounds: int) -> Iterator[Row]:
    for name, samples in REAL.items():
        yield from sample.rows(models[name], min(samples, 4000), rounds, WANTED[name])


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
