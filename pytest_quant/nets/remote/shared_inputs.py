"""Memory for inputs that both sides see, where the target is a process of this machine: no pipe copies them."""

from __future__ import annotations

import mmap
import os
import secrets
import tempfile
import threading
from bisect import bisect
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from pytest_quant.nets.given import AnyArray
from pytest_quant.nets.remote.far_side import strides_of

SIZE_BYTES = 1 << 25
"""For each thread that may send inputs."""
_TOKEN_BYTES = 64
_BEHIND_BYTES = 64
"""ncnn's kernels may read so far behind an input."""
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
    """Inputs in a file that is mapped here and there, laid out so that a net may read them there; all threads share it.

    Each takes the first place that is free, so that few pages are used again and again: the processor has them at hand,
    where a walk through all of them would copy to main memory. An input that several nets take lies there once. The
    file is there from `make` until `hide`; the far side proves by its first bytes that it sees the same one.
    """

    def __init__(self, path: Path, handle: int, size: int) -> None:
        self.path = path
        self.size = size
        self.token = secrets.token_bytes(_TOKEN_BYTES)
        self._memory = mmap.mmap(handle, size)
        self._memory[:_TOKEN_BYTES] = self.token
        self._lock = threading.Lock()
        self._free = [(_TOKEN_BYTES, size - _BEHIND_BYTES)]
        """Start and end of what is free, in order; no two of them touch."""
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
            strides = strides_of(array.shape, array.itemsize)
            size = _whole(array.nbytes if strides is None else strides[0] * array.shape[0])
            start = self._room(size)
            if start is None:
                return None
            np.ndarray(array.shape, little(array.dtype), self._memory, start, strides)[...] = array
            held = _Held(key, start, start + size, array)
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
                self._release(held.start, held.end)

    def _part(self, held: _Held) -> None:
        if self._of.get(held.key) is held:
            del self._of[held.key]

    def _room(self, size: int) -> int | None:
        for at, (start, end) in enumerate(self._free):
            if end - start >= size:
                if end - start == size:
                    del self._free[at]
                else:
                    self._free[at] = (start + size, end)
                return start
        return None

    def _release(self, start: int, end: int) -> None:
        at = bisect(self._free, (start, end))
        if at < len(self._free) and self._free[at][0] == end:
            end = self._free.pop(at)[1]
        if at > 0 and self._free[at - 1][1] == start:
            at -= 1
            start = self._free.pop(at)[0]
        self._free.insert(at, (start, end))


def _whole(nbytes: int) -> int:
    """Aligned, as NumPy and ncnn like it; never nothing, so that no two inputs have one place."""
    return max(-(-nbytes // _TOKEN_BYTES), 1) * _TOKEN_BYTES
