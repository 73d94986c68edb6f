"""Files that came to a worker by content: each once, in a bounded folder that ends with the worker."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_quant.datasets.remote import copies, use_copies
from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.evaluation.files import replace_file
from pytest_quant.evaluation.kept import URLS, prune_copies
from pytest_quant.evaluation.trials import Trials
from pytest_quant.spec.errors import StorageError, told

MOST_BYTES = 4 << 30
"""What the files of one worker may take; those of nets that were used least recently go first."""

_FOLDER = "pytest-quant"
_roots: list[Path] = []
_trees: dict[str, Path] = {}
"""Job to the folder in which its files lie as they do on the machine that runs pytest."""


class WorkerFiles:
    """Contents under ``root/objects`` by digest; trees of links to them under ``root/trees``."""

    def __init__(self, root: Path, most_bytes: int = MOST_BYTES) -> None:
        self._objects = root / "objects"
        self._trees = root / "trees"
        self._most_bytes = most_bytes

    @classmethod
    def of(cls, local_directory: str) -> WorkerFiles:
        """Those of the worker that has this folder."""
        return cls(Path(local_directory) / _FOLDER)

    def lacking(self, digests: Iterable[str]) -> tuple[str, ...]:
        """Those of some contents that are not there."""
        return tuple(digest for digest in dict.fromkeys(digests) if not (self._objects / digest).is_file())

    def put(self, contents: Mapping[str, bytes]) -> None:
        """Keep contents; raises `StorageError` where they cannot be written, or are not what they are said to be."""
        for digest, content in contents.items():
            if hashlib.sha256(content).hexdigest() != digest:
                raise StorageError(f"what came for the file {digest} is something else")
            try:
                replace_file(self._objects / digest, content)
            except OSError as error:
                raise StorageError(f"model files cannot be kept there: {told(error)}") from error

    def tree(self, files: Mapping[str, str]) -> Path | None:
        """The folder with files by their relative paths; None where contents are lacking. It is the newest then."""
        folder = self._trees / sha256_json(dict(files))[:32]
        if not folder.is_dir():
            if self.lacking(files.values()):
                return None
            self._make(folder, files)
            self._prune(folder)
        os.utime(folder)
        return folder

    def _make(self, folder: Path, files: Mapping[str, str]) -> None:
        self._trees.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="part-", dir=self._trees))
        for name, digest in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(self._objects / digest, path)
            except OSError:  # a file system without links
                shutil.copyfile(self._objects / digest, path)
        try:
            fresh.rename(folder)
        except OSError:  # another thread was first
            shutil.rmtree(fresh, ignore_errors=True)

    def _prune(self, newest: Path) -> None:
        """Remove what was used least recently until the rest fits; a net that is open needs its files no more."""
        trees = sorted(self._trees.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for tree in trees:
            if self._size() <= self._most_bytes:
                return
            if tree != newest and not tree.name.startswith("part-"):
                shutil.rmtree(tree, ignore_errors=True)
            for content in self._objects.iterdir():
                if content.stat().st_nlink == 1:
                    content.unlink(missing_ok=True)

    def _size(self) -> int:
        return sum(path.stat().st_size for path in self._objects.iterdir())


def work_in(local_directory: str, job: str, tree: Path) -> None:
    """Say where the files of a job lie in this process."""
    root = Path(local_directory) / _FOLDER
    if _roots != [root]:
        _roots[:] = [root]
        use_copies(root / URLS)
    if job not in _trees:
        prune_copies(root / URLS, MOST_BYTES)
        copies().forget()
    _trees[job] = tree
    for old in list(_trees)[:-16]:
        _trees.pop(old, None)


def placed(job: str, name: str) -> Path:
    """A file of a job on this worker."""
    return _trees[job] / name


def worker_trials(limit_s: float) -> Trials:
    """Verdicts of nets' trials are kept by the worker."""
    return Trials(ContentStore(_roots[0] / "trials", _roots[0] / "locks"), limit_s)
