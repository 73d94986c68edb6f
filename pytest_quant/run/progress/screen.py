"""Lines below what pytest writes, on the same terminal; they are gone whenever pytest writes something itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TextIO, cast

if TYPE_CHECKING:
    import pytest

_SAVE, _RESTORE = "\x1b7", "\x1b8"
_INDEX = "\x1bD"
"""One line down in the same column; at the bottom the screen scrolls."""
_DOWN = "\x1b[B\r"
_CLEAR_RIGHT, _CLEAR_LINE = "\x1b[K", "\x1b[2K"
_FALLBACK_SIZE = 80, 24


class _Writer(Protocol):
    """What is used of pytest's terminal writer."""

    _file: TextIO

    @property
    def width_of_current_line(self) -> int: ...


class Screen:
    """The terminal of a session, for a thread beside pytest's own."""

    def __init__(self, reporter: pytest.TerminalReporter, writer: _Writer) -> None:
        """Call it while nothing is captured: what is written later reaches the terminal past any capturing."""
        self._reporter = reporter
        self._writer = writer
        self._file = writer._file
        self._own = _duplicate(self._file)
        self._lock = threading.RLock()
        self._drawn = 0
        writer._file = cast(TextIO, _Guarded(self))

    @property
    def is_terminal(self) -> bool:
        """Whether there is one that understands more than lines."""
        return self._own is not self._file and self._own.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def size(self) -> tuple[int, int]:
        """Columns and rows; ``COLUMNS`` goes before what the terminal says."""
        try:
            columns, rows = os.get_terminal_size(self._own.fileno())
        except (OSError, ValueError):
            columns, rows = _FALLBACK_SIZE
        given = os.environ.get("COLUMNS", "")
        return int(given) if given.isdigit() and int(given) > 0 else columns or _FALLBACK_SIZE[0], rows

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines below pytest's current one, in the place of those that were shown before."""
        with self._lock:
            self.erase(keep=len(lines))
            if lines:
                count = len(lines)
                shown = "".join(f"{_DOWN}{line}{_CLEAR_RIGHT}" for line in lines)
                self._put(f"{_INDEX * count}\x1b[{count}A{_SAVE}{shown}{_RESTORE}")
            self._drawn = len(lines)

    def erase(self, keep: int = 0) -> None:
        """Take away what was drawn, but for the first ``keep`` lines."""
        with self._lock:
            if self._drawn > keep:
                down = f"\x1b[{keep}B" if keep else ""
                self._put(f"{_SAVE}{down}{f'{_DOWN}{_CLEAR_LINE}' * (self._drawn - keep)}{_RESTORE}")
                self._drawn = keep

    def write_line(self, line: str) -> None:
        """Write a line that stays, on its own."""
        with self._lock:
            self.erase()
            begun = self._writer.width_of_current_line > 0
            self._put(f"{chr(10) if begun else ''}{line}\n")
            self._reporter.currentfspath = None  # what pytest writes next begins on a line of its own

    def _put(self, text: str) -> None:
        self._own.write(text)
        self._own.flush()

    def close(self) -> None:
        """Give the terminal back."""
        with self._lock:
            self.erase()
            self._writer._file = self._file
            if self._own is not self._file:
                self._own.close()


class _Guarded:
    """The file that pytest's terminal writer writes to: what is drawn below goes first."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def write(self, text: str) -> int:
        with self._screen._lock:
            self._screen.erase()
            return self._screen._file.write(text)

    def flush(self) -> None:
        with self._screen._lock:
            self._screen.erase()
            self._screen._file.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._screen._file, name)


def _duplicate(file: TextIO) -> TextIO:
    """Another file on the same terminal, which no capturing redirects; the file itself where the system has none."""
    try:
        return os.fdopen(os.dup(file.fileno()), "w", encoding=file.encoding, errors="replace")
    except (OSError, ValueError, AttributeError):
        return file
