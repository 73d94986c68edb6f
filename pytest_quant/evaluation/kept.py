"""What lies in a cache: kinds, sizes, when it was last used; what is left over, and what goes first."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.evaluation.files import PART_SUFFIX

PREDICTIONS, BUILT, RESULTS, TRIALS = "predictions", "built", "results", "trials"
DIGESTS, DISCORDANCE, TIMES, FACTS, URLS = "digests", "discordance", "times", "facts", "urls"
"""Folders below that of the cache."""
KINDS = (PREDICTIONS, BUILT, RESULTS, TRIALS, DIGESTS, DISCORDANCE, TIMES, FACTS, URLS)

PART = "part-"
"""What the name of a folder of built files begins with that is still being filled; their own name comes next."""

_HEX = "[0-9a-f]"
_NAMES = {
    PREDICTIONS: rf"{_HEX}{{2}}/{_HEX}{{32}}/{_HEX}{{32}}\.shard(\.begun)?",
    RESULTS: rf"{_HEX}{{2}}/{_HEX}{{64}}\.json",
    TRIALS: rf"{_HEX}{{64}}",
    DIGESTS: rf"{_HEX}{{16}}\.stamps",
    DISCORDANCE: rf"{_HEX}{{32}}\.discordance",
    TIMES: rf"{_HEX}{{32}}\.time",
    FACTS: rf"{_HEX}{{32}}\.facts",
}
"""What is ours, below the folder of a kind: nothing else is ever touched, whatever folder somebody calls a cache."""
_BUILT_NAME = re.compile(rf"{_HEX}{{32}}")
_FILLED_NAME = re.compile(rf"{PART}{_HEX}{{32}}-\w+")
_PART_NAME = rf"\.\d+-\d+{re.escape(PART_SUFFIX)}"


@dataclass(frozen=True)
class Kept:
    """One thing that is kept: a file, or a folder of built files, which goes as a whole."""

    kind: str
    path: Path
    size_bytes: int
    used_ns: int
    """When it was last written or read."""


def everything(cache: Path) -> list[Kept]:
    """What is kept in a cache, least recently used first."""
    found = [one for kind in KINDS if kind not in (BUILT, URLS) for one in _files(cache, kind)]
    return sorted([*found, *_built(cache), *_copies(cache / URLS)], key=lambda one: (one.used_ns, one.path))


def _files(cache: Path, kind: str) -> Iterator[Kept]:
    for path, stat in _walk(cache / kind):
        if re.fullmatch(_NAMES[kind], _below(path, cache / kind)):
            yield Kept(kind, path, stat.st_size, stat.st_mtime_ns)


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _built(cache: Path) -> Iterator[Kept]:
    for folder in _children(cache / BUILT):
        if _BUILT_NAME.fullmatch(folder.name) and folder.is_dir():
            stats = [stat for _, stat in _walk(folder)]
            used = max((stat.st_mtime_ns for stat in stats), default=0)
            yield Kept(BUILT, folder, sum(stat.st_size for stat in stats), used)


def _copies(root: Path) -> Iterator[Kept]:
    """Of files at URLs; the note beside each tells when a run last asked for it."""
    if not (root / "notes").is_dir():
        return
    for path, stat in _walk(root / "files"):
        if path.suffix != PART_SUFFIX:
            try:
                used = _note_of(path, root).stat().st_mtime_ns
            except OSError:
                used = stat.st_mtime_ns
            yield Kept(URLS, path, stat.st_size, used)


def _note_of(path: Path, root: Path) -> Path:
    return root / "notes" / path.relative_to(root / "files")


def _root_of(path: Path) -> Path:
    return [one.parent for one in path.parents if one.name == "files" and (one.parent / "notes").is_dir()][-1]


def prune_copies(root: Path, most_bytes: float) -> None:
    """`prune` for the copies of files at URLs alone, wherever they lie."""
    kept = sorted(_copies(root), key=lambda one: one.used_ns)
    total = sum(one.size_bytes for one in kept)
    for one in kept:
        if total <= most_bytes:
            return
        remove(one)
        total -= one.size_bytes


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _walk(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                yield path, path.stat()
            except OSError:  # another run has removed it
                continue


def prune(cache: Path, most_bytes: float, *, spared_since_ns: float = float("inf")) -> list[Kept]:
    """Remove what was used least recently until the rest has at most so many bytes; gives what was removed.

    What was used at ``spared_since_ns`` or later stays in any case.
    """
    kept = everything(cache)
    total = sum(one.size_bytes for one in kept)
    removed = []
    for one in kept:
        if total <= most_bytes or one.used_ns >= spared_since_ns:
            break
        if remove(one):
            total -= one.size_bytes
            removed.append(one)
    return removed


def remove(one: Kept) -> bool:
    """Remove something; gives whether it is gone."""
    if one.kind == BUILT:
        shutil.rmtree(one.path, ignore_errors=True)
    else:
        if one.kind == URLS:
            _note_of(one.path, _root_of(one.path)).unlink(missing_ok=True)
        try:
            one.path.unlink(missing_ok=True)
            one.path.parent.rmdir()  # the folder of a net's last shard
        except OSError:
            return not one.path.exists()
    return not one.path.exists()


def remove_parts(cache: Path) -> list[Path]:
    """Remove what processes have left half written, such as after a SIGKILL; only where nobody else uses the cache."""
    halves = [path for kind in KINDS for path, _ in _walk(cache / kind) if _is_half(path, kind, cache)]
    folders = [folder for folder in _children(cache / BUILT) if _FILLED_NAME.fullmatch(folder.name)]
    for path in halves:
        path.unlink(missing_ok=True)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return [*halves, *folders]


def _is_half(path: Path, kind: str, cache: Path) -> bool:
    name = {BUILT: rf"{_BUILT_NAME.pattern}/[^/]+", URLS: r"(files|notes)/.+"}.get(kind) or _NAMES[kind]
    return re.fullmatch(name + _PART_NAME, _below(path, cache / kind)) is not None


def total_bytes(kept: Iterable[Kept]) -> int:
    """How much some things take."""
    return sum(one.size_bytes for one in kept)
