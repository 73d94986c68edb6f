"""Memory for inputs that both sides see, where the target is a process of this machine: no pipe copies them."""

from __future__ import annotations

import mmap
import os
import secrets
import tempfile
from collections import deque
from contextlib import suppress
from pathlib import Path

import numpy as np

from pytest_quant.nets.given import AnyArray

SIZE_BYTES = 1 << 23
_TOKEN_BYTES = 64
_MEMORY = "/dev/shm"  # noqa: S108 - the file in it has a random name and the rights of its owner alone


class SharedInputs:
    """A ring of inputs in a file that is mapped here and there; the oldest is given back first.

    The file is there from `make` until `hide`; the far side proves by its first bytes that it sees the same one.
    """

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.token = secrets.token_bytes(_TOKEN_BYTES)
        self._memory = mmap.mmap(handle, SIZE_BYTES)
        self._memory[:_TOKEN_BYTES] = self.token
        self._used: deque[tuple[int, int]] = deque()

    @classmethod
    def make(cls) -> SharedInputs | None:
        """One whose memory is set aside; None where this system does not do that, or has none left."""
        if not hasattr(os, "posix_fallocate"):
            return None
        handle, name = tempfile.mkstemp(prefix="pytest-quant-", dir=_MEMORY if os.path.isdir(_MEMORY) else None)
        try:
            os.posix_fallocate(handle, 0, SIZE_BYTES)  # a file that grows when written kills the writer on a full disk
            return cls(Path(name), handle)
        except OSError:
            os.unlink(name)
            return None
        finally:
            os.close(handle)

    def hide(self) -> None:
        """Remove the file's name; what is mapped stays."""
        with suppress(FileNotFoundError):
            self.path.unlink()

    def put(self, array: AnyArray) -> int | None:
        """Copy an input and give its place; None when there is no room behind those that are in use."""
        start = self._room(array.nbytes)
        if start is None:
            return None
        np.ndarray(array.shape, array.dtype.newbyteorder("<"), self._memory, start)[...] = array
        self._used.append((start, start + array.nbytes))
        return start

    def give_back(self) -> None:
        """The oldest input is not needed there any more."""
        self._used.popleft()

    def _room(self, size: int) -> int | None:
        if not self._used:
            return _TOKEN_BYTES if size <= SIZE_BYTES - _TOKEN_BYTES else None
        first, (last, end) = self._used[0][0], self._used[-1]
        start = -(-end // _TOKEN_BYTES) * _TOKEN_BYTES  # aligned, as NumPy and ncnn like it
        if last < first:  # the newest lie before the oldest
            return start if start + size <= first else None
        if start + size <= SIZE_BYTES:
            return start
        return _TOKEN_BYTES if _TOKEN_BYTES + size <= first else None
