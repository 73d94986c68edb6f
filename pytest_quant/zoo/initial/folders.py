"""The folders in which nets are looked for: however deep, in a fixed order, and not without end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.spec.text import shown

MAX_FOLDERS = 20_000
"""A data set can have more folders than anybody wants to wait for."""
_PASSED_OVER = frozenset({"__pycache__", "node_modules", "site-packages"})


@dataclass(frozen=True)
class Place:
    """A folder and the names of the files in it."""

    path: Path
    files: frozenset[str]

    def has(self, suffix: str) -> bool:
        """Whether a file of that suffix lies here."""
        return any(name.endswith(suffix) for name in self.files)


def places(folder: Path, left_out: list[str]) -> Iterator[Place]:
    """A folder, the folders in it, those in them, and so on, level by level, each level sorted.

    Hidden folders, and those of installed packages, are passed over; one that is reached twice, by a link, is given
    once. What cannot be read, and that there are too many, is told in ``left_out``.
    """
    seen: set[tuple[int, int]] = set()
    level = [folder]
    while level:
        below: list[Path] = []
        for path in level:
            if len(seen) == MAX_FOLDERS:
                left_out.append(
                    f"{shown(folder)}: has more than {MAX_FOLDERS} folders, those from {shown(path)} on were not "
                    "looked at; name a folder further down"
                )
                return
            try:
                status = path.stat()
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                inner, files = _inside(path)
            except OSError as error:
                left_out.append(f"{shown(path)} cannot be read: {error.strerror}")
                continue
            below += inner
            yield Place(path, files)
        level = below


def _inside(path: Path) -> tuple[list[Path], frozenset[str]]:
    """The folders in a folder, sorted, and the names of its files."""
    inner, files = [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.is_dir():
                files.append(entry.name)
            elif not entry.name.startswith(".") and entry.name not in _PASSED_OVER:
                inner.append(path / entry.name)
    return sorted(inner), frozenset(files)
