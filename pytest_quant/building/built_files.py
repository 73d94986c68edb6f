"""Model files that are made before the cases run: kept by content, made once, shared by all processes."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.evaluation.digests import sha256_file
from pytest_quant.evaluation.kept import PART
from pytest_quant.spec.errors import StorageError, told
from pytest_quant.spec.text import shown

_DIGESTS = "digests"
"""Holds the digest of every file of a folder; written when its making has come to its end."""


class BuiltFiles:
    """Folders of built files under ``folder``, named by what went into them.

    >>> built = BuiltFiles(Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp()))
    >>> where = built.folder("0123", lambda folder: (folder / "net.param").write_text("7767517") and None)
    >>> (where / "net.param").read_text()
    '7767517'
    """

    def __init__(self, folder: Path, locks: Path, *, spare: Path | None = None) -> None:
        """``spare``: where files are built when ``folder`` cannot take them; what lies there ends with the run."""
        self._contents = ContentStore(folder, locks)
        self._spare = None if spare is None else ContentStore(spare, locks)

    def root_of(self, path: Path) -> Path:
        """The folder of all built files in which one of them lies."""
        if self._spare is not None and path.is_relative_to(self._spare.root):
            return self._spare.root
        return self._contents.root

    def folder(self, key: str, make: Callable[[Path], None]) -> Path:
        """The folder of ``key``; ``make`` fills a new one where there is none, or one of its files was damaged.

        Another process that needs the same files waits for them. What ``make`` raises leaves nothing behind.
        Raises `StorageError` where the files cannot be written.
        """
        name = key[:32]
        found = self._whole(name)
        if found is None:
            with self._contents.lock(f"build-{name}"):
                found = self._whole(name) or self._made(name, make)
        return found

    def _whole(self, name: str) -> Path | None:
        stores = [self._contents] if self._spare is None else [self._contents, self._spare]
        return next((store.path(name) for store in stores if _is_whole(store, name)), None)

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        try:
            return _filled(self._contents, name, make)
        except OSError as error:
            reason = f"{shown(self._contents.root)}: files cannot be built there: {told(error)}"
            if self._spare is None:
                raise StorageError(reason) from error
            self._contents.tell_not_kept(error, f"{reason}; they are built for this run alone")
        try:
            return _filled(self._spare, name, make)
        except OSError as error:
            raise StorageError(f"{self._spare.root}: files cannot be built there: {told(error)}") from error


def _is_whole(store: ContentStore, name: str) -> bool:
    content = store.load(f"{name}/{_DIGESTS}")
    if content is None:
        return False
    folder = store.path(name)
    try:
        return all(sha256_file(folder / file) == digest for file, digest in json.loads(content).items())
    except OSError:
        return False


def _filled(store: ContentStore, name: str, make: Callable[[Path], None]) -> Path:
    """The folder, made anew; raises `OSError` where it cannot be written."""
    done = store.path(name)
    store.root.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{PART}{name}-", dir=store.root))
    try:
        make(fresh)
        digests = {path.relative_to(fresh).as_posix(): sha256_file(path) for path in _files(fresh)}
        if done.is_dir():
            shutil.rmtree(done)
        else:
            done.unlink(missing_ok=True)
        fresh.rename(done)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    store.save(f"{name}/{_DIGESTS}", json.dumps(digests).encode())
    return done


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
