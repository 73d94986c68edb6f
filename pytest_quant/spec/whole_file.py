"""Files that are read as a whole: lists, annotations, tables, images. None of them has gigabytes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

MOST_BYTES = 1 << 30
"""Some lists of images and files of annotations have half as much."""


def whole_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a file; raises `OSError` for one that cannot be read, and for one of more than ``most`` bytes.

    >>> whole_file(Path(__file__), most=10)
    Traceback (most recent call last):
    OSError: [Errno 27] it has ... bytes, and may have 10: ...
    """
    with path.open("rb", buffering=0) as file:  # one at a URL is fetched by that
        check_size(path, os.fstat(file.fileno()).st_size, most)
        return file.read()


def check_size(path: Path, size: int, most: int = MOST_BYTES) -> None:
    """Raise `OSError` for a file that is larger than what may be read."""
    if size > most:
        raise OSError(errno.EFBIG, f"it has {size} bytes, and may have {most}", str(path))
