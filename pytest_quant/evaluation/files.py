"""Writing a file so that another process sees either all of it or none."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

PART_SUFFIX = ".part"
"""Of a file that is still being written."""

_part = itertools.count()


def replace_file(path: Path, data: bytes) -> None:
    """Write ``data`` under ``path`` in one step; folders are made as needed."""
    handle, name = _part_of(path)
    try:
        with open(handle, "wb", buffering=0) as file:
            while data:
                data = data[file.write(data) :]
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _part_of(path: Path) -> tuple[int, str]:
    """A new file beside another one, with the rights of any file that is opened for writing."""
    while True:
        name = f"{path}.{os.getpid()}-{next(_part)}{PART_SUFFIX}"
        try:
            return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), name
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:  # left by a process of the same number, or of another machine
            continue
