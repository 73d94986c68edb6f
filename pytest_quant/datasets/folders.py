"""What lies in a folder, on this machine or at a URL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.datasets.remote import UrlPath, copies


@dataclass(frozen=True)
class Entry:
    """One name in a folder."""

    folder: Path
    name: str
    is_folder: bool
    is_file: bool

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / self.name


def entries(folder: Path) -> list[Entry]:
    """In no order; raises `OSError`, or `DatasetError` for a URL that cannot be listed."""
    if isinstance(folder, UrlPath):
        found = copies().entries(folder)
        return [Entry(folder, name, is_folder, not is_folder) for name, is_folder in found.items()]
    with os.scandir(folder) as scanned:
        return [Entry(folder, entry.name, entry.is_dir(), entry.is_file()) for entry in scanned]


def files_below(folder: Path, on_error: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """The files of a folder and its subfolders, in no order; raises like `entries`."""
    if isinstance(folder, UrlPath):
        for entry in entries(folder):
            if entry.is_folder:
                yield from files_below(entry.path)
            else:
                yield entry.path
    else:
        for parent, _, names in os.walk(folder, onerror=on_error):
            yield from (Path(parent, name) for name in names)
