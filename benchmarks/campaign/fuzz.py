"""``python -m benchmarks.campaign.fuzz PART KIND SECONDS SEED FILE [ROOM ...]``: atheris on one kind of mutant.

It follows the branches of the rooms, all that read files where none is named. It writes what came of each try to a
file, since atheris ends its process when the time is over.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import FunctionType

_FOLLOWED = (
    *("datasets", "evaluation.parts", "history", "judging.baseline", "nets.litert", "nets.ncnn.files"),
    *("nets.onnxruntime", "nets.openvino", "report", "spec", "training_config", "zoo"),
)
"""What reads files; to follow everything takes half a minute before the first mutant."""


def _functions(rooms: Sequence[str]) -> Iterator[FunctionType]:
    """What is defined in rooms that are loaded; atheris's own hook follows whole packages only, which takes long."""
    for name, module in list(sys.modules.items()):
        if any(name == room or name.startswith(f"{room}.") for room in rooms):
            classes = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == name]
            for one in (*vars(module).values(), *(value for owner in classes for value in vars(owner).values())):
                inner = next((getattr(one, key) for key in _INNER if hasattr(one, key)), one)
                if isinstance(inner, FunctionType) and inner.__module__ == name:
                    yield inner


_INNER = ("__func__", "fget", "func", "__wrapped__")
"""Where what is made of a function has it."""


def main(part: str, kind: str, seconds: int, seed: int, told: Path, rooms: Sequence[str]) -> None:
    """Try mutants until the time is over; does not return."""
    atheris = import_module("atheris")
    module = import_module(f"benchmarks.campaign.{part}")
    for function in _functions([f"pytest_quant.{room}" for room in rooms or _FOLLOWED]):
        atheris.instrument_func(function)
    from benchmarks.campaign.chance import Fuzzed
    from benchmarks.campaign.engines import line_of

    folder = told.parent / "files"
    folder.mkdir()
    target = next(target for target in module.targets(folder) if target.kind == kind)
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
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]), sys.argv[6:])
