"""Paths that files name: they stay below the folder that they are relative to."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path


def inside(path: str) -> str | None:
    """The shortest form of a relative POSIX path that stays below its folder; None for any other.

    >>> inside("./a//b.png"), inside("../b.png"), inside("/b.png"), inside("a/../..")
    ('a/b.png', None, None, None)
    """
    normal = posixpath.normpath(path)
    leaves = normal in (".", "..") or normal.startswith(("/", "../"))
    return None if leaves or "\0" in normal else normal


def is_foreign(file: Path, folder: Path) -> bool:
    """Whether a file below a folder is a link to what lies elsewhere: of such a file nothing is quoted."""
    return not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder))
