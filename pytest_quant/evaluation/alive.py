"""Which processes still live, as their locks tell: of what the others have left behind nobody has any use."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pytest_quant.evaluation.locks import HeldLock, try_lock

PREFIX = "pytest-quant-"
"""What the names of folders of runs begin with."""

_LOCKS = "alive"
"""A folder in what processes share; each of them holds the lock of a file in it."""
_TRIES = 10
_OWN = 0o700
"""As folders for temporary files are made."""


class Alive:
    """A process, this one, among those that use a folder."""

    def __init__(self, folder: Path) -> None:
        """Take a place in ``folder``; raises `OSError` where it cannot be written."""
        self._locks = folder / _LOCKS
        self._path, self._own = _held(self._locks)

    @property
    def since_ns(self) -> int:
        """When it came, by the clock of the file system."""
        return self._path.stat().st_mtime_ns

    def others(self) -> list[Path]:
        """The locks of the other processes that live; those of the dead are removed."""
        living = []
        for path in _lock_files(self._locks):
            lock = try_lock(path)
            if lock is None:
                living.append(path)
            else:
                path.unlink(missing_ok=True)
                lock.release()
        return [path for path in living if path != self._path]

    def end(self) -> None:
        """Leave; where the file cannot be removed any more, its lock ends all the same."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._own.release()


def _lock_files(locks: Path) -> list[Path]:
    return sorted(locks.glob("*.lock"))


def _held(locks: Path) -> tuple[Path, HeldLock]:
    """A fresh file and its lock; another file where it was taken for that of a dead process before it was locked."""
    for _ in range(_TRIES):
        locks.parent.mkdir(parents=True, exist_ok=True, mode=_OWN)
        locks.mkdir(exist_ok=True)
        path = locks / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.lock"
        try:
            lock = try_lock(path)
        except FileNotFoundError:  # so was the folder, which was empty
            continue
        if lock is None:
            continue
        if path.exists():
            return path, lock
        lock.release()
    raise OSError(0, "no lock can be held there", str(locks))


def hold_for_another(folder: Path) -> int:
    """A file descriptor that holds a folder of a run as long as any process has it, for one that inherits it.

    Raises `OSError` where there are no such locks.
    """
    import fcntl  # not on Windows

    number = os.open(folder / _LOCKS / "another.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        raise
    return number


def make_run_folder(kind: str = "") -> tuple[Path, Alive]:
    """A folder of a run in the system's folder for temporary files, held by this process; raises `OSError`."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}"))
    try:
        return folder, Alive(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def remove_run_folder(folder: Path, alive: Alive) -> None:
    """Remove what `make_run_folder` made. What another process still writes there meanwhile, the next run removes."""
    for attempt in range(_TRIES):
        _remove(folder)
        if not folder.exists():
            break
        time.sleep(0.01 * attempt)
    else:
        with suppress(OSError):
            (folder / _LOCKS).mkdir(exist_ok=True)
            (folder / _LOCKS / "left.lock").touch()
    alive.end()


def _remove(folder: Path) -> None:
    """Remove a folder, its locks last: whoever is killed meanwhile leaves one that can be told from others."""
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if path.name != _LOCKS:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    with suppress(OSError):
        if [path.name for path in folder.iterdir()] == [_LOCKS]:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def run_folder(kind: str) -> Iterator[Path]:
    """A folder of a run as long as it is needed."""
    folder, alive = make_run_folder(kind)
    try:
        yield folder
    finally:
        remove_run_folder(folder, alive)


def remove_dead_run_folders() -> list[Path]:
    """Remove the folders of this user's runs that nobody holds any more, such as after a SIGKILL; gives those."""
    found = sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    return [folder for folder in found if _remove_dead(folder)]


def _remove_dead(folder: Path) -> bool:
    """Whether a folder was removed; it is held meanwhile, so that nobody else begins with it."""
    try:
        if folder.is_symlink() or not _is_own(folder):
            return False
        files = _lock_files(folder / _LOCKS)
        if not files:  # killed before it was held, or behind the removal: then it is empty
            with suppress(OSError):
                (folder / _LOCKS).rmdir()
            folder.rmdir()
            return True
        with ExitStack() as held:
            if not _take_all(files, held):
                return False
            _remove(folder)
            return True
    except OSError:  # another process removes it at the same time
        return False


def _is_own(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def _take_all(files: Iterable[Path], held: ExitStack) -> bool:
    for path in files:
        lock = try_lock(path)
        if lock is None:
            return False
        held.callback(lock.release)
    return True
