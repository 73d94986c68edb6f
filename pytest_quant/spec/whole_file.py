"""Files that are read as a whole: lists, annotations, tables, images. None of them has gigabytes."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from pathlib import Path

MOST_BYTES = 1 << 30
"""Some lists of images and files of annotations have half as much."""
_LARGE_BYTES = 64 << 20


def whole_file(path: Path, most: int = MOST_BYTES, begins: bytes = b"") -> bytes:
    """The content of a file; raises `OSError` for one that cannot be read, and for one of more than ``most`` bytes.

    ``begins``: the bytes that a large one may begin with, so that gigabytes of something else are not read.

    >>> whole_file(Path(__file__), most=10)
    Traceback (most recent call last):
    OSError: [Errno 27] it has ... bytes, and may have 10: ...
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        check_size(path, size, most)
        if begins and size > _LARGE_BYTES:
            if file.read(1) not in begins:
                raise OSError(errno.EFBIG, f"it has {size} bytes, and does not begin as such a file does", str(path))
            file.seek(0)
        return file.read()


def open_regular(path: Path) -> FileIO:
    """A file open for reading; raises `OSError`, also for what is none: a pipe waits for a writer, a device has no end.

    >>> open_regular(Path(os.devnull))
    Traceback (most recent call last):
    OSError: [Errno 22] it is not a regular file: ...
    """
    fetch = getattr(path, "local", None)  # of a file at a URL
    file = open(path if fetch is None else fetch(), "rb", buffering=0, opener=_without_waiting)  # noqa: SIM115 - given
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def check_size(path: Path, size: int, most: int = MOST_BYTES) -> None:
    """Raise `OSError` for a file that is larger than what may be read."""
    if size > most:
        raise OSError(errno.EFBIG, f"it has {size} bytes, and may have {most}", str(path))
