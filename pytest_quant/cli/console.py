"""What the subcommands say beside their results: errors, warnings, progress; all on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

PROGRAM = "pytest-quant"


def say(kind: Literal["error", "warning"], message: str) -> None:
    """Print an error or a warning as argparse prints its own."""
    print(f"{PROGRAM}: {kind}: {message}", file=sys.stderr)


@contextmanager
def progress_bar(total: int, unit: str = "image") -> Iterator[Callable[[str, int], None]]:
    """Give a function that is told the name of a pass and how many of its ``total`` steps are done.

    Each pass gets a bar of its own. Nothing is drawn where stderr is no terminal.
    """
    from tqdm import tqdm  # only where something takes long

    bars: dict[str, tqdm[None]] = {}

    def progress(name: str, done: int) -> None:
        if name not in bars:
            for bar in bars.values():
                bar.close()
            bars[name] = tqdm(total=total, desc=name, unit=unit, disable=None, dynamic_ncols=True)
        bars[name].update(done - bars[name].n)

    try:
        yield progress
    finally:
        for bar in bars.values():
            bar.close()
