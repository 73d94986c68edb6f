"""Writing a file so that another process sees either all of it or none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_UMASK = os.umask(0)
os.umask(_UMASK)  # the only way to ask for it changes it; done once, before there are threads


PART_SUFFIX = ".part"
"""Of a file that is still being written."""


def replace_file(path: Path, data: bytes) -> None:
    """Write ``data`` under ``path`` in one step; folders are made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, suffix=PART_SUFFIX, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o666 & ~_UMASK)  # as any file that is opened for writing: others may read a report
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
