"""Memory for inputs that both sides see, where the target is a process of this machine: no pipe copies them."""

from __future__ import annotations

import mmap
import os
import secrets
import tempfile
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from pytest_quant.nets.given import AnyArray

SIZE_BYTES = 1 << 25
"""For each thread that may send inputs."""
_TOKEN_BYTES = 64
_MEMORY = "/dev/shm"  # noqa: S108 - the file in it has a random name and the rights of its owner alone


Key = tuple[int, tuple[int, ...], tuple[int, ...], str]
"""An array's address, shape, strides and dtype: what is equal there is the same memory as long as both live."""


def memory_key(array: AnyArray) -> Key:
    """Of an array."""
    address: int = array.__array_interface__["data"][0]
    return address, array.shape, array.strides, array.dtype.str


@cache
def little(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """The type with the byte order of a target."""
    found: np.dtype[np.generic] = dtype.newbyteorder("<")
    return found


@dataclass(eq=False, slots=True)
class _Held:
    """One input that lies there."""

    key: Key
    start: int
    end: int
    array: AnyArray
    """Kept so that no other array gets its address meanwhile."""
    users: int = 1


class SharedInputs:
    """A ring of inputs in a file that is mapped here and there; threads and nets share it.

    An input that several nets take lies there once. The file is there from `make` until `hide`; the far side proves by
    its first bytes that it sees the same one.
    """

    def __init__(self, path: Path, handle: int, size: int) -> None:
        self.path = path
        self.size = size
        self.token = secrets.token_bytes(_TOKEN_BYTES)
        self._memory = mmap.mmap(handle, size)
        self._memory[:_TOKEN_BYTES] = self.token
        self._lock = threading.Lock()
        self._used: deque[_Held] = deque()
        self._at: dict[int, _Held] = {}
        self._of: dict[Key, _Held] = {}

    @classmethod
    def make(cls, size: int) -> SharedInputs | None:
        """One of so many bytes that are set aside; None where this system does not do that, or has none left."""
        if not hasattr(os, "posix_fallocate"):
            return None
        handle, name = tempfile.mkstemp(prefix="pytest-quant-", dir=_MEMORY if os.path.isdir(_MEMORY) else None)
        try:
            os.posix_fallocate(handle, 0, size)  # a file that grows when written kills the writer on a full disk
            return cls(Path(name), handle, size)
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
        """The place of an input, copied unless it lies there already; None where those in use leave no room."""
        key = memory_key(array)
        with self._lock:
            held = self._of.get(key)
            if held is not None:
                held.users += 1
                return held.start
            start = self._room(array.nbytes)
            if start is None:
                return None
            np.ndarray(array.shape, little(array.dtype), self._memory, start)[...] = array
            held = _Held(key, start, start + array.nbytes, array)
            self._used.append(held)
            self._at[start] = self._of[key] = held
        return start

    def keep_apart(self, place: int) -> None:
        """The array of that input may change from now on: what is put is not the same any more."""
        with self._lock:
            self._part(self._at[place])

    def give_back(self, place: int) -> None:
        """One of the nets that took an input does not need it there any more."""
        with self._lock:
            held = self._at[place]
            held.users -= 1
            if held.users == 0:
                self._part(held)
                del self._at[place]
            while self._used and self._used[0].users == 0:
                self._used.popleft()

    def _part(self, held: _Held) -> None:
        if self._of.get(held.key) is held:
            del self._of[held.key]

    def _room(self, size: int) -> int | None:
        if not self._used:
            return _TOKEN_BYTES if size <= self.size - _TOKEN_BYTES else None
        first, last, end = self._used[0].start, self._used[-1].start, self._used[-1].end
        start = -(-end // _TOKEN_BYTES) * _TOKEN_BYTES  # aligned, as NumPy and ncnn like it
        if last < first:  # the newest lie before the oldest
            return start if start + size <= first else None
        if start + size <= self.size:
            return start
        return _TOKEN_BYTES if _TOKEN_BYTES + size <= first else None
