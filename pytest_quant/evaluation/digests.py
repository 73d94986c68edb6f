"""SHA-256 of files and samples, remembered by size and modification time so that a second run reads nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from filelock import FileLock

from pytest_quant.evaluation.files import replace_file

Stamp = tuple[int, int]
"""Size in bytes and modification time in nanoseconds: another stamp means that the file is read again."""


def sha256_json(value: object) -> str:
    """SHA-256 of a plain JSON value in its canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class DigestMemo:
    """Digests of files by content. ``folder`` keeps them between runs, ``locks`` makes one process read a file set."""

    def __init__(self, folder: Path, locks: Path, threads: int = 1) -> None:
        self._folder = folder
        self._locks = locks
        self._threads = threads

    def of_files(self, paths: Sequence[Path]) -> list[str]:
        """SHA-256 of each file, in the order given; raises `OSError` for one that cannot be read."""
        if not paths:
            return []
        stamps = [_stamp(path) for path in paths]
        scope = sha256_json(os.path.commonpath([str(path.parent) for path in paths]))[:16]
        memo_file = self._folder / f"{scope}.json"
        known = _read_memo(memo_file)
        if any(
            str(path) not in known or known[str(path)][0] != stamp for path, stamp in zip(paths, stamps, strict=True)
        ):
            with FileLock(self._locks / f"digests-{scope}.lock"):
                known = self._complete(memo_file, dict(zip(paths, stamps, strict=True)))
        return [known[str(path)][1] for path in paths]

    def of_contents(self, contents: Sequence[Path | bytes]) -> list[str]:
        """SHA-256 of each content: of a file, or of the bytes themselves."""
        digests = iter(self.of_files([content for content in contents if isinstance(content, Path)]))
        return [
            next(digests) if isinstance(content, Path) else hashlib.sha256(content).hexdigest() for content in contents
        ]

    def _complete(self, memo_file: Path, stamps: dict[Path, Stamp]) -> dict[str, tuple[Stamp, str]]:
        known = _read_memo(memo_file)  # again: another process may have read the files meanwhile
        todo = [path for path, stamp in stamps.items() if known.get(str(path), (None, ""))[0] != stamp]
        for path, digest in zip(todo, self._hash(todo), strict=True):
            known[str(path)] = (stamps[path], digest)
        lines = {path: [*stamp, digest] for path, (stamp, digest) in known.items()}
        replace_file(memo_file, json.dumps(lines).encode())
        return known

    def _hash(self, paths: Iterable[Path]) -> Iterable[str]:
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(_sha256_file, paths))


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _sha256_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _read_memo(path: Path) -> dict[str, tuple[Stamp, str]]:
    """What is remembered; nothing when the file is absent or was damaged, since it can be made again."""
    try:
        lines = json.loads(path.read_bytes())
        return {name: ((int(size), int(mtime_ns)), str(digest)) for name, (size, mtime_ns, digest) in lines.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}
