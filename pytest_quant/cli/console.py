"""What the subcommands say beside their results: errors, warnings, progress; all on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pytest_quant.evaluation.engine.events import Listener

PROGRAM = "pytest-quant"


def say(kind: Literal["error", "warning"], message: str) -> None:
    """Print an error or a warning as argparse prints its own."""
    print(f"{PROGRAM}: {kind}: {message}", file=sys.stderr)


@contextmanager
def progress_bars(unit: str = "image") -> Iterator[Listener]:
    """Give a listener for an engine's events: each job gets a bar. Nothing is drawn where stderr is not a terminal."""
    from tqdm import tqdm  # only where something takes long

    from pytest_quant.evaluation.engine.events import Event, ShardDone, Started

    bars: list[tqdm[None]] = []

    def listen(event: Event) -> None:
        if isinstance(event, Started):
            if bars:
                bars[-1].close()
            bars.append(tqdm(total=event.samples, desc=event.stage, unit=unit, disable=None, dynamic_ncols=True))
        elif isinstance(event, ShardDone):
            bars[-1].update(event.samples)

    try:
        yield listen
    finally:
        if bars:
            bars[-1].close()
