"""SHA-256 of files and samples. Those of images are remembered, so that a second run reads nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pytest_quant.datasets.remote import UrlPath, fetch_all
from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.spec.whole_file import check_size, open_descriptor

Stamp = tuple[int, int, int, int]
"""Size in bytes, times of modification and of the last change of the inode in nanoseconds, and the inode: another stamp
means that the file is read again. A copy that keeps size and modification time has another inode or change time."""


_MOST_BYTES = 16 << 30
"""Of a sample: far more than any has, and some seconds to read."""
_RUN = 64
"""Files that a thread reads at a time: to hand over a small image takes longer than to read it."""


def sha256_json(value: object) -> str:
    """SHA-256 of a plain JSON value in its canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()  # paths need not be UTF-8


def sha256_file(path: Path) -> str:
    """SHA-256 of a file, read now: for model files, which are small and must never be taken for others."""
    digest = hashlib.sha256()
    path = path.local() if isinstance(path, UrlPath) else path
    try:
        number, size = open_descriptor(path)
        try:
            while chunk := os.read(number, min(size + 1, 1 << 20)):  # many are small: one call reads them
                digest.update(chunk)
        finally:
            os.close(number)
    except OSError as error:
        error.filename = error.filename or str(path)  # what fails in reading does not know of which file
        raise
    return digest.hexdigest()


def sha256_content(content: Path | bytes) -> str:
    """SHA-256 of a sample's content, read now: of a file, or of the bytes themselves."""
    return sha256_file(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()


class DigestMemo:
    """Digests of files by content. ``folder`` keeps them between runs, ``locks`` makes one process read a file set."""

    def __init__(self, folder: Path, locks: Path, threads: int = 1, *, anew: Path | None = None) -> None:
        """``anew``: a folder of this run alone, whose digests are the only ones that are trusted."""
        self._contents = ContentStore(folder, locks)
        self._trusted = self._contents if anew is None else ContentStore(anew, locks)
        self._threads = threads
        self._seen: set[int] = set()
        """Of this process: hashes of path, stamp and digest, which take far less than themselves."""

    def of_files(self, paths: Sequence[Path]) -> list[str]:
        """SHA-256 of each file, in the order given; raises `OSError` for one that cannot be read."""
        if not paths:
            return []
        fetch_all(paths)
        stamps = [_stamp(path) for path in paths]
        for path, stamp in zip(paths, stamps, strict=True):
            check_size(path, stamp[0], _MOST_BYTES)
        scope = sha256_json(os.path.commonpath([str(path.parent) for path in paths]))[:16]
        known = self._read(scope)
        if any(known.get(str(path), (None, ""))[0] != stamp for path, stamp in zip(paths, stamps, strict=True)):
            with self._contents.lock(f"digests-{scope}"):
                known = self._complete(scope, dict(zip(paths, stamps, strict=True)))
        self._seen.update(hash((str(path), *known[str(path)])) for path in paths)
        return [known[str(path)][1] for path in paths]

    def replaced(self, contents: Iterable[Path | bytes], digests: Iterable[str]) -> Path | None:
        """The first file that is not what `of_contents` has found in this process; None: all of them still are.

        Asked after files were read: what was read has these digests. Those that bear the stamp that they had are not
        read again. Raises `OSError`.
        """
        for path, digest in zip(contents, digests, strict=True):
            if not isinstance(path, Path) or hash((str(path), _stamp(path), digest)) in self._seen:
                continue
            if sha256_file(path) != digest:
                return path
        return None

    def of_contents(self, contents: Sequence[Path | bytes]) -> list[str]:
        """SHA-256 of each content: of a file, or of the bytes themselves."""
        digests = iter(self.of_files([content for content in contents if isinstance(content, Path)]))
        return [next(digests) if isinstance(content, Path) else sha256_content(content) for content in contents]

    def _complete(self, scope: str, stamps: dict[Path, Stamp]) -> dict[str, tuple[Stamp, str]]:
        known = self._read(scope)  # again: another process may have read the files meanwhile
        todo = [path for path, stamp in stamps.items() if known.get(str(path), (None, ""))[0] != stamp]
        for path, digest in zip(todo, self._hash(todo), strict=True):
            known[str(path)] = (stamps[path], digest)
        lines = {path: [*stamp, digest] for path, (stamp, digest) in known.items()}
        content = json.dumps(lines).encode()
        self._contents.save(_memo(scope), content)
        if self._trusted is not self._contents:
            self._trusted.save(_memo(scope), content)
        return known

    def _hash(self, paths: Sequence[Path]) -> list[str]:
        runs = [paths[start : start + _RUN] for start in range(0, len(paths), _RUN)]
        try:
            with ThreadPoolExecutor(self._threads) as pool:
                found = list(pool.map(_sha256_files, runs))
        except RuntimeError:  # the system gives no more threads
            found = [_sha256_files(run) for run in runs]
        return [digest for digests in found for digest in digests]

    def _read(self, scope: str) -> dict[str, tuple[Stamp, str]]:
        content = self._trusted.load(_memo(scope))
        if content is None:
            return {}
        return {
            path: ((size, mtime, ctime, inode), digest)
            for path, (size, mtime, ctime, inode, digest) in json.loads(content).items()
        }


def _sha256_files(paths: Sequence[Path]) -> list[str]:
    return [sha256_file(path) for path in paths]


def _memo(scope: str) -> str:
    return f"{scope}.stamps"


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino
