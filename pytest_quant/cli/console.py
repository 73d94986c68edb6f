"""What the subcommands say beside their results: errors, warnings, progress; all on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TextIO

from pytest_quant.cli.streams import naming_stdout, print_on_stderr
from pytest_quant.spec.text import visible

if TYPE_CHECKING:
    from pytest_quant.evaluation.engine.events import Event, Listener

PROGRAM = "pytest-quant"

_BAR_WIDTH = 30
_DRAW_EVERY_S = 0.1


def say(kind: Literal["error", "warning"], message: str) -> None:
    """Print an error or a warning as argparse prints its own."""
    print_on_stderr(visible(f"{PROGRAM}: {kind}: {message}", lines=True))


class VisibleStream:
    """A text stream that shows what files brought; see `visible`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, lines and tabs as they are."""
        try:
            return self._stream.write(visible(text, lines=True))
        except OSError as error:
            raise naming_stdout(error) from None

    def flush(self) -> None:
        """Hand on what is held back."""
        self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class _Bar:
    """One job on one line of a terminal."""

    def __init__(self, terminal: TextIO, title: str, total: int | None, unit: str) -> None:
        self._terminal, self._title, self._total, self._unit = terminal, title, total, unit
        self._started_s = time.monotonic()
        self._drawn_s = 0.0
        self._done = 0
        self.draw()

    def add(self, samples: int) -> None:
        """Count on, and draw where the last drawing is not of just now."""
        self._done += samples
        if self._done == self._total or time.monotonic() - self._drawn_s >= _DRAW_EVERY_S:
            self.draw()

    def draw(self) -> None:
        """Draw over what stands on the line."""
        self._drawn_s = time.monotonic()
        elapsed_s = self._drawn_s - self._started_s
        rate = f"{self._done / elapsed_s:.3g} {self._unit}s/s" if self._done and elapsed_s > 0 else ""
        if self._total:
            filled = _BAR_WIDTH * self._done // self._total
            bar = f"|{'#' * filled:{_BAR_WIDTH}}| {self._done}/{self._total}"
            left_s = elapsed_s * (self._total - self._done) / self._done if self._done else None
            left = "" if left_s is None else f"{left_s:.0f} s left"
        else:
            bar, left = f"{self._done} {self._unit}s", ""
        line = f"{self._title}: {', '.join(part for part in (bar, rate, left) if part)}"
        self._terminal.write(f"\r{line}\x1b[K")
        self._terminal.flush()

    def close(self) -> None:
        """Leave the line as it is at the end."""
        if self._done != self._total:
            self.draw()
        self._terminal.write("\n")


@contextmanager
def progress_bars(unit: str = "image") -> Iterator[Listener]:
    """Give a listener for an engine's events: each job gets a bar. Nothing is drawn where stderr is not a terminal."""
    from pytest_quant.evaluation.engine.events import ShardDone, Started

    terminal = sys.stderr
    bars: list[_Bar] = []

    def listen(event: Event) -> None:
        if not terminal.isatty():
            return
        if isinstance(event, Started):
            while bars:
                bars.pop().close()
            bars.append(_Bar(terminal, event.stage, event.samples, unit))
        elif isinstance(event, ShardDone):
            bars[-1].add(event.samples)

    try:
        yield listen
    finally:
        while bars:
            bars.pop().close()
