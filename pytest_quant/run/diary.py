"""What happens in a run, written down as it happens: for whoever has to tell of it where its process no longer can."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

_FILE = "diary.jsonl"


class Diary:
    """One process's; a line each, in one write."""

    def __init__(self, run_dir: Path) -> None:
        """Raises `OSError` where it cannot be begun."""
        self._file: BinaryIO = (run_dir / _FILE).open("ab", buffering=0)

    def begun(self, test: str) -> None:
        """A test is about to run."""
        self._write("begun", test)

    def told(self, test: str, wire: str) -> None:
        """A test has told something, as `Bulletin.to_wire` has it."""
        self._write("told", test, wire)

    def ended(self, test: str) -> None:
        """A test has run."""
        self._write("ended", test)

    def close(self) -> None:
        """Nothing more happens."""
        self._file.close()

    def _write(self, *words: str) -> None:
        self._file.write(json.dumps(words).encode() + b"\n")


@dataclass
class Remembered:
    """What a diary says."""

    told: list[tuple[str, str]] = field(default_factory=list)
    """Tests, and what they told, as `Bulletin.to_wire` has it."""
    running: str | None = None
    """The test that had begun and not ended."""


def read_diary(run_dir: Path) -> Remembered:
    """Read the diary of a process that is dead; empty where there is none."""
    found = Remembered()
    for word, test, *rest in _lines(run_dir / _FILE):
        if word == "told":
            found.told.append((test, rest[0]))
        else:
            found.running = test if word == "begun" else None
    return found


def _lines(path: Path) -> Iterator[list[str]]:
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n")[:-1]:  # what follows the last one was cut off
        yield json.loads(line)
