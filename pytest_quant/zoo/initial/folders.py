"""The folders in which nets are looked for: some levels deep, in a fixed order, and not without end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pytest_quant.spec.text import shown

LEVELS = 4
"""How deep export folders lie below the one that is named: work_dirs of mmdeploy are nested."""
MAX_FOLDERS = 2000
"""A data set can have more folders than anybody wants to wait for."""


def folders(folder: Path, left_out: list[str]) -> Iterator[Path]:
    """A folder, the folders in it, those in them, and so on, level by level, each level sorted.

    Hidden folders are passed over, and one that is reached twice, by a link, is given once. What cannot be read, and
    that there are too many, is told in ``left_out``.
    """
    seen: set[Path] = set()
    level = [folder]
    for _ in range(LEVELS + 1):
        for place in level:
            if place.resolve() in seen:
                continue
            if len(seen) == MAX_FOLDERS:
                left_out.append(
                    f"{shown(folder)}: has more than {MAX_FOLDERS} folders, those from {shown(place)} on were not "
                    "looked at; name a folder further down"
                )
                return
            seen.add(place.resolve())
            yield place
        below = (inner for place in level for inner in _folders_in(place, left_out))
        level = list(islice(below, MAX_FOLDERS + 1))


def _folders_in(folder: Path, left_out: list[str]) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(folder / one.name for one in entries if not one.name.startswith(".") and one.is_dir())
    except OSError as error:
        left_out.append(f"{shown(folder)} cannot be read: {error.strerror}")
        return []
