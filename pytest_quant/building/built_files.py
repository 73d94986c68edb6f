"""Model files that are made before the cases run: kept by content, made once, shared by all processes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

_DONE = "complete"
"""An empty file in a folder whose making came to its end."""


class BuiltFiles:
    """Folders of built files under ``folder``, named by what went into them.

    >>> built = BuiltFiles(Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp()))
    >>> where = built.folder("0123", lambda folder: (folder / "net.param").write_text("7767517") and None)
    >>> (where / "net.param").read_text()
    '7767517'
    """

    def __init__(self, folder: Path, locks: Path) -> None:
        self.root = folder
        self._locks = locks

    def folder(self, key: str, make: Callable[[Path], None]) -> Path:
        """The folder of ``key``; ``make`` fills a new one when there is none yet.

        Another process that needs the same files waits for them. What ``make`` raises leaves nothing behind.
        """
        done = self.root / key[:32]
        if not (done / _DONE).exists():
            self._locks.mkdir(parents=True, exist_ok=True)
            with FileLock(self._locks / f"build-{key[:32]}.lock"):
                if not (done / _DONE).exists():
                    self._fill(done, make)
        return done

    def _fill(self, done: Path, make: Callable[[Path], None]) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="part-", dir=self.root))
        try:
            make(fresh)
            (fresh / _DONE).touch()
            shutil.rmtree(done, ignore_errors=True)  # one that was damaged by hand
            fresh.rename(done)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
