"""``python -m benchmarks.campaign.fuzz PART NUMBER SECONDS SEED FILE``: atheris on one kind of mutant of a part.

It writes what came of each try to a file, since atheris ends its process when the time is over.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

_FOLLOWED = [f"pytest_quant.{room}" for room in ("datasets", "nets.ncnn.files", "spec", "training_config", "zoo")]
"""What reads files; to follow everything takes half a minute before the first mutant."""


def main(part: str, number: int, seconds: int, seed: int, told: Path) -> None:
    """Try mutants until the time is over; does not return."""
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=_FOLLOWED, enable_loader_override=False):
        module = import_module(f"benchmarks.campaign.{part}")
    from benchmarks.campaign.chance import Fuzzed
    from benchmarks.campaign.engines import line_of

    folder = tempfile.mkdtemp(prefix="campaign-")
    target = module.targets(Path(folder))[number]
    file = told.open("w", buffering=1)

    def attempt(data: bytes) -> None:
        file.write(line_of(target.attempt(Fuzzed(data))))

    # No timeout of atheris's own, which takes SIGALRM; readers have a limit that is told as a hang.
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", f"-seed={seed + 1}", "-timeout=0", "-max_len=64", "-len_control=0"],
        attempt,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
