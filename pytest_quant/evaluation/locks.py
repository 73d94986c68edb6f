"""Locks of files that are tried, never waited for: a shard takes several of them, so each costs a few microseconds.

They keep out, and are kept out by, `filelock.FileLock` of the same files, which takes over where the system or the file
system has no such locks.
"""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

try:
    import fcntl
except ImportError:  # Windows
    _FLOCK = False
else:
    _FLOCK = True

_TAKEN = frozenset({errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK})


class HeldLock(Protocol):
    """A lock of this process, until it is released or the process ends, however it ends."""

    def release(self) -> None:
        """Give it back, from any thread; a second time does nothing."""
        ...


class _Descriptor:
    """An open file that is locked."""

    def __init__(self, number: int) -> None:
        self._open = [number]

    def release(self) -> None:
        with suppress(IndexError):  # released already; by whom, one step decides
            os.close(self._open.pop())

    def __del__(self) -> None:
        """An interrupt may come before anybody has the lock that was taken."""
        self.release()


def try_lock(path: Path) -> HeldLock | None:
    """The lock of a file, which is made where it is not there; None where somebody holds it.

    Raises `OSError` where there cannot be a lock.

    >>> path = Path(tempfile.mkdtemp()) / "one.lock"
    >>> held = try_lock(path)
    >>> try_lock(path) is None, held.release(), try_lock(path) is None
    (True, None, False)
    """
    if not (_FLOCK and _has_flock(os.path.dirname(path))):
        return _try_filelock(path)
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_removed = os.fstat(number).st_nlink == 0  # by the one who held it: its next file is another one
        except OSError as error:
            os.close(number)
            if error.errno in _TAKEN:
                return None
            raise
        if not is_removed:
            return _Descriptor(number)
        os.close(number)


@lru_cache(maxsize=256)
def _has_flock(folder: str) -> bool:
    """Whether the file system there has such locks: some network drives do not."""
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno == errno.ENOSYS:
                return False
            raise
    return True


def _try_filelock(path: Path) -> HeldLock | None:
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock
