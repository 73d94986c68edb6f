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
_AT_A_TIME_BYTES = 1 << 24
_READ_WITHOUT_WAITING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


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
    return FileIO(open_descriptor(path)[0])


def open_descriptor(path: Path) -> tuple[int, int]:
    """Likewise a descriptor and how many bytes there are: what reads thousands of small files feels the rest."""
    fetch = getattr(path, "local", None)  # of a file at a URL
    number = os.open(str(path if fetch is None else fetch()), _READ_WITHOUT_WAITING)
    try:
        found = os.fstat(number)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    except BaseException:
        os.close(number)
        raise
    return number, found.st_size


def rest_of(number: int, size: int) -> bytes:
    """All of an open file that has ``size`` bytes left, or more by now."""
    content = os.read(number, size + 1)
    if len(content) == size:
        return content
    parts = [content]
    while content:
        content = os.read(number, _AT_A_TIME_BYTES)
        parts.append(content)
    return b"".join(parts)


def check_size(path: Path, size: int, most: int = MOST_BYTES) -> None:
    """Raise `OSError` for a file that is larger than what may be read."""
    if size > most:
        raise OSError(errno.EFBIG, f"it has {size} bytes, and may have {most}", str(path))
