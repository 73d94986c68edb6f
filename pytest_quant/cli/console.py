"""What the subcommands say beside their results: errors, warnings, progress; all on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TextIO

from pytest_quant.spec.text import visible

if TYPE_CHECKING:
    from pytest_quant.evaluation.engine.events import Listener

PROGRAM = "pytest-quant"


def say(kind: Literal["error", "warning"], message: str) -> None:
    """Print an error or a warning as argparse prints its own."""
    print(visible(f"{PROGRAM}: {kind}: {message}", lines=True), file=sys.stderr)


class VisibleStream:
    """A text stream that shows what files brought; see `visible`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, lines and tabs as they are."""
        return self._stream.write(visible(text, lines=True))

    def flush(self) -> None:
        """Hand on what is held back."""
        self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


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
