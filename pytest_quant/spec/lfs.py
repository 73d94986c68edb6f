"""Git LFS keeps a short text in the place of a large file until the file is fetched."""

from __future__ import annotations

_BEGINNING = b"version https://git-lfs.github.com/spec/"


def why_absent(beginning: bytes) -> str | None:
    """What to say of a file that begins like this when it is a Git LFS pointer; None when it is not.

    >>> print(why_absent(b"7767517"))
    None
    """
    if not beginning.startswith(_BEGINNING):
        return None
    return "is a Git LFS pointer in place of the file: fetch it with `git lfs pull`"
