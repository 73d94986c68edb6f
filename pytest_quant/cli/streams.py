"""stdout and stderr as they are given to a command: closed, full, with nobody at the other end, or ASCII only."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TextIO

_STDOUT = "stdout"


@contextmanager
def usable_streams() -> Iterator[None]:
    """Standard streams that can be written to, with any text; what stdout holds back is written when this ends.

    What does not reach a stream that is closed is lost; what the stream's encoding lacks is written as an escape.
    Raises `OSError` where stdout takes nothing (`BrokenPipeError`: nobody reads on), and lets go of it for good, so
    that the end of the process does not complain once more.
    """
    with ExitStack() as opened:
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:
                setattr(sys, name, opened.enter_context(open(os.devnull, "w", encoding="utf-8")))
                opened.callback(setattr, sys, name, None)
            _take_any_text(getattr(sys, name))
        try:
            try:
                yield
            finally:
                _flush()
        except OSError as error:
            if error.filename == _STDOUT:
                _let_go(sys.stdout)
            raise


def _take_any_text(stream: TextIO) -> None:
    if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="backslashreplace")


def naming_stdout(error: OSError) -> OSError:
    """An error of writing there, which does not know of where; see `pytest_quant.spec.errors.told`."""
    error.filename = error.filename or _STDOUT
    return error


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        raise naming_stdout(error) from None


def _let_go(stream: TextIO) -> None:
    """Have a stream write to nowhere from now on."""
    with suppress(OSError, ValueError):  # one without a file of the system
        number = os.open(os.devnull, os.O_WRONLY)
        os.dup2(number, stream.fileno())
        os.close(number)


def print_on_stderr(text: str) -> None:
    """Print a line where messages go; where nothing can be written there nobody can be told."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _let_go(sys.stderr)
