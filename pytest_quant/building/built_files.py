"""Model files that are made before the cases run: kept by content, made once, shared by all processes."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.evaluation.digests import sha256_file
from pytest_quant.spec.errors import QuantError
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

    def __init__(self, folder: Path, locks: Path) -> None:
        self.root = folder
        self._contents = ContentStore(folder, locks)

    def folder(self, key: str, make: Callable[[Path], None]) -> Path:
        """The folder of ``key``; ``make`` fills a new one where there is none, or one of its files was damaged.

        Another process that needs the same files waits for them. What ``make`` raises leaves nothing behind.
        Raises `QuantError` where the files cannot be written.
        """
        name = key[:32]
        if not self._is_whole(name):
            with self._contents.lock(f"build-{name}"):
                if not self._is_whole(name):
                    self._fill(name, make)
        return self._contents.path(name)

    def _is_whole(self, name: str) -> bool:
        content = self._contents.load(f"{name}/{_DIGESTS}")
        if content is None:
            return False
        folder = self._contents.path(name)
        try:
            return all(sha256_file(folder / file) == digest for file, digest in json.loads(content).items())
        except OSError:
            return False

    def _fill(self, name: str, make: Callable[[Path], None]) -> None:
        done = self._contents.path(name)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix="part-", dir=self.root))
        except OSError as error:
            raise QuantError(f"{shown(self.root)}: files cannot be built there: {error.strerror}") from error
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
        self._contents.save(f"{name}/{_DIGESTS}", json.dumps(digests).encode())


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
