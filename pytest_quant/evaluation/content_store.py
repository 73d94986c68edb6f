"""Everything that is kept by content: one file per thing, with its digest, checked when it is read.

Whatever cannot be read back whole counts as absent and is made again: a file that is truncated, has a flipped bit, may
not be read, or has a folder in its place. The run's own folder and the cache between runs are stores of this kind with
different lives.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from pytest_quant.evaluation.files import replace_file
from pytest_quant.evaluation.locks import try_lock
from pytest_quant.evaluation.not_kept import tell_not_kept
from pytest_quant.spec.errors import StorageError, told
from pytest_quant.spec.whole_file import open_regular

_DIGEST_BYTES = 32
"""A file is the SHA-256 of what follows, then the content."""


class ContentStore:
    """Contents by name under ``root``; locks are files under ``locks``, and end with the process that holds them.

    >>> from tempfile import mkdtemp
    >>> store = ContentStore(Path(mkdtemp()), Path(mkdtemp()))
    >>> store.load("a/b"), store.save("a/b", b"1"), store.load("a/b")
    (None, True, b'1')
    """

    def __init__(self, root: Path, locks: Path) -> None:
        self.root = root
        self._locks = locks
        try:
            locks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"the folder of a run's locks cannot be made: {told(error, locks)}") from error

    def path(self, name: str) -> Path:
        """Where something lies, whether it is there or not."""
        return self.root / name

    def load(self, name: str) -> bytes | None:
        """What was kept; None where it is absent or damaged. Reading it makes it recently used."""
        return used_in(self.path(name))

    def save(self, name: str, content: bytes) -> bool:
        """Keep something; a reader sees all of it or nothing.

        Where it cannot be written (full disk, no rights) the run goes on without, with a warning, and this gives
        False.
        """
        path = self.path(name)
        try:
            try:
                keep_in(path, content)
            except (FileExistsError, IsADirectoryError, NotADirectoryError):
                self._make_room(path)
                keep_in(path, content)
        except OSError as error:
            self.tell_not_kept(error, f"{path} cannot be kept: {error.strerror or error}")
            return False
        return True

    def drop(self, name: str) -> None:
        """Forget something; what cannot be removed is told as in `save`."""
        try:
            self.path(name).unlink(missing_ok=True)
        except OSError as error:
            self.tell_not_kept(error, f"{self.path(name)} cannot be removed: {error.strerror}")

    def tell_not_kept(self, error: OSError, message: str) -> None:
        """Warn with ``message``; where the store or all of its cache takes nothing, of that, once in a run."""
        tell_not_kept(self.root, error, message)

    def fetch(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What was kept, made now where it is not there; another process that wants the same waits for it."""
        content = self.load(name)
        if content is None:
            with self.lock(name):
                content = self.load(name)
                if content is None:
                    content = make()
                    self.save(name, content)
        return content

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of a name, for this thread alone of all processes of the run; waits for it."""
        lock = FileLock(self._locks / _lock_name(name))
        try:
            lock.acquire()
        except OSError as error:
            raise _no_lock(error, lock.lock_file) from error
        try:
            yield
        finally:
            lock.release()

    def try_claim(self, names: Iterable[str]) -> Callable[[], None] | None:
        """Claim names; gives what ends the claim, or None, at once, when somebody has one of them.

        A claim ends with its process, however that ends; until then any thread may end it. Raises `StorageError` where
        there cannot be a lock.
        """
        with ExitStack() as stack:
            for name in sorted(set(names)):
                path = self._locks / _lock_name(name)
                try:
                    lock = try_lock(path)
                except OSError as error:
                    raise _no_lock(error, path) from error
                if lock is None:
                    return None
                stack.callback(lock.release)
            return stack.pop_all().close

    def _make_room(self, path: Path) -> None:
        """Remove a folder in the place of a file, or a file in the place of one of the store's folders."""
        if path.is_dir():
            shutil.rmtree(path)
        for parent in path.parents:
            if parent == self.root:
                return
            if parent.is_file():
                parent.unlink()


def kept_in(path: Path) -> bytes | None:
    """What a store has kept in a file; None where it is absent or damaged."""
    try:
        with open_regular(path) as file:
            data = file.read()
    except OSError:
        return None
    digest, content = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == digest else None


def used_in(path: Path) -> bytes | None:
    """Likewise, and it counts as used now."""
    content = kept_in(path)
    if content is not None:
        with suppress(OSError):  # a cache that others have made
            os.utime(path)
    return content


def keep_in(path: Path, content: bytes) -> None:
    """Keep something in a file of a store, whole or not at all; raises `OSError`."""
    replace_file(path, hashlib.sha256(content).digest() + content)


def _lock_name(name: str) -> str:
    return f"{name.replace('/', '-')}.lock"


def _no_lock(error: OSError, path: Path | str) -> StorageError:
    return StorageError(f"a lock of the run cannot be taken: {told(error, path)}")
