"""What a file on disk is at this moment, so that what was read from it can be remembered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.lfs import why_absent
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import whole_file

_MOST_BYTES = 8 << 30
"""Of a net with its weights."""


@dataclass(frozen=True)
class FileStamp:
    """A path with the size and the time of change that it has now."""

    path: Path
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """As it is; raises `ModelFileError` for one that cannot be read."""
        try:
            stat = path.stat()
        except OSError as error:
            raise ModelFileError(f"{shown(path)}: cannot be read: {error.strerror}") from None
        return cls(path, stat.st_size, stat.st_mtime_ns)

    def content(self) -> bytes:
        """All of it; raises `ModelFileError` for a file that cannot be read, and for a Git LFS pointer."""
        try:
            data = whole_file(self.path, _MOST_BYTES)
        except OSError as error:
            raise ModelFileError(f"{shown(self.path)}: cannot be read: {error.strerror}") from None
        absent = why_absent(data)
        if absent is not None:
            raise ModelFileError(f"{shown(self.path)} {absent}")
        return data
