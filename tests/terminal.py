"""A command on a terminal of its own, and what its screen shows: meanwhile, and at the end."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyte


@dataclass(frozen=True)
class Shown:
    """What one command showed."""

    screens: tuple[str, ...]
    """The screen after each piece of output."""
    status: int

    @property
    def end(self) -> str:
        """What stands there at the end."""
        return self.screens[-1]


def run_on_terminal(
    command: Sequence[str], folder: Path, *, columns: int = 80, rows: int = 50, env: Mapping[str, str] | None = None
) -> Shown:
    """Run a command that does not ask for anything."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "CI", "GITHUB_ACTIONS")}
    process = subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env={**known, "TERM": "xterm", **(env or {})}
    )
    os.close(theirs)
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    screens = [""]
    while data := _read(ours, process):
        stream.feed(data)
        screens.append("\n".join(line.rstrip() for line in screen.display).rstrip())
    os.close(ours)
    return Shown(tuple(screens), process.wait())


def _read(terminal: int, process: subprocess.Popen[bytes]) -> bytes:
    """The next output; empty at its end."""
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                return os.read(terminal, 65536)
            except OSError:  # the other side is closed
                return b""
        if process.poll() is not None:
            return b""
