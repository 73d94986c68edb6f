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

    def died(self, test: str, reason: str, *, runs_again: bool) -> None:
        """The worker that ran a test died; see `pytest_quant.run.told.Told.take_death`."""
        self._write("died", test, reason, *(["again"] if runs_again else []))

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
    running: list[str] = field(default_factory=list)
    """The tests that had begun and not ended: one, or one of each worker."""
    died: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Tests whose worker died, with the reason, and whether they were to run again and had not begun to."""


def read_diary(run_dir: Path) -> Remembered:
    """Read the diary of a process that is dead; empty where there is none."""
    found = Remembered()
    for word, test, *rest in _lines(run_dir / _FILE):
        if word == "told":
            found.told.append((test, rest[0]))
        elif word == "begun":
            found.running.append(test)
            found.died.pop(test, None)
        else:
            found.running = [other for other in found.running if other != test]
            if word == "died":
                found.died[test] = (rest[0], len(rest) > 1)
    return found


def _lines(path: Path) -> Iterator[list[str]]:
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n")[:-1]:  # what follows the last one was cut off
        try:
            found: list[str] = json.loads(line)
        except ValueError:  # damaged
            continue
        yield found
