"""Arrays of `.npy` and `.npz` files: checked by their headers before anything of them is unpacked, never executed."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.lfs import why_absent
from pytest_quant.spec.text import brief, listed, shown

try:
    from lzma import LZMAError
except ImportError:  # a Python without it, whose `zipfile` raises a RuntimeError
    LZMAError = zlib.error  # type: ignore[misc, assignment]

AnyDtype = np.dtype[Any]
Numbers = np.ndarray[tuple[int, ...], AnyDtype]
"""An array of any type of numbers."""

_Header = tuple[tuple[int, ...], bool, AnyDtype]
_read_magic: Callable[[IO[bytes]], tuple[int, int]] = np.lib.format.read_magic
_HEADERS: Mapping[tuple[int, int], Callable[..., _Header]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Their types differ with NumPy's versions; 2.2 has none."""

MOST_BYTES = 1 << 30
"""Of one array: more is no input of a net."""
_MOST_BYTES_OF_HEADER = 1 << 16
_POINTER_BYTES = 200
_SUFFIX = ".npy"
_DAMAGED = (NotImplementedError, RuntimeError, ValueError, struct.error, zipfile.BadZipFile)
"""What `zipfile` raises for a file that is not whole."""
_KINDS = "biuf"
"""Of dtypes: truth values, whole numbers and numbers."""


class StoredArrays(Mapping[str, Numbers]):
    """The arrays of one file by key, each read when it is asked for.

    A `.npy` file holds one array without a key: it is found under every key.
    """

    def __init__(self, path: Path, name: str) -> None:
        """``name``: which sample this is, for messages."""
        self.path = path
        self._what = f"{name} ({shown(path)})"

    @property
    def is_single(self) -> bool:
        """Whether the file is a `.npy`."""
        return self.path.suffix.lower() == _SUFFIX

    @cached_property
    def _members(self) -> Mapping[str, zipfile.ZipInfo]:
        with self._zip() as file:
            members = [one for one in file.infolist() if not one.filename.endswith("/")]
        return {one.filename.removesuffix(_SUFFIX): one for one in members}

    def __iter__(self) -> Iterator[str]:
        return iter(()) if self.is_single else iter(self._members)

    def __len__(self) -> int:
        return 0 if self.is_single else len(self._members)

    def __getitem__(self, key: str) -> Numbers:
        """The array: floats of 64 and of 16 bits as float32, all others as they are; own, in C order.

        Raises `DatasetError` naming file and key for one that is missing or damaged, too large, or not of numbers.
        """
        try:
            array = self._of_npy() if self.is_single else self._of_npz(key)
        except OSError as error:
            raise DatasetError(f"{self._what} cannot be read: {error.strerror or error}") from error
        if array.dtype.kind == "f" and array.dtype != np.float32:
            with np.errstate(over="ignore"):
                array = array.astype(np.float32)
        return array

    def _of_npy(self) -> Numbers:
        with self.path.open("rb") as file:
            absent = why_absent(file.read(_POINTER_BYTES))
            if absent is not None:
                raise DatasetError(f"{self._what} {absent}")
            size = file.seek(0, 2)
            file.seek(0)
            return self._array(file, size, self._what)

    def _of_npz(self, key: str) -> Numbers:
        member = self._members.get(key)
        if member is None:
            raise DatasetError(f"{self._what} has no array {key!r}; its arrays: {listed(self._members) or 'none'}")
        what = f"{self._what}, array {key!r},"
        with self._zip() as file:
            try:
                with file.open(member) as stream:
                    return self._array(stream, member.file_size, what)
            except (*_DAMAGED, EOFError, LZMAError, zlib.error) as error:
                raise DatasetError(f"{what} is damaged: {error or 'it ends too early'}") from error

    def _zip(self) -> zipfile.ZipFile:
        try:
            with self.path.open("rb") as file:
                absent = why_absent(file.read(_POINTER_BYTES))
            if absent is not None:
                raise DatasetError(f"{self._what} {absent}")
            return zipfile.ZipFile(self.path)
        except _DAMAGED as error:
            raise DatasetError(
                f"{self._what} is damaged or was cut off: it is not a whole `.npz` file, which is a zip ({error})"
            ) from error
        except OSError as error:
            raise DatasetError(f"{self._what} cannot be read: {error.strerror or error}") from error

    def _array(self, file: IO[bytes], size: int, what: str) -> Numbers:
        """Read one array of ``size`` bytes with its header, of which no more is unpacked than the header says."""
        shape, fortran, dtype = _header(file, what)
        count = math.prod(shape) * dtype.itemsize
        if count > MOST_BYTES:
            raise DatasetError(
                f"{what} is of shape {shape} and dtype {dtype}, {_gib(count)} GiB; expected the input of a "
                f"net, {MOST_BYTES >> 30} GiB at most"
            )
        data = file.read(count) if count < size else b""
        if len(data) != count or file.read(1):
            raise DatasetError(
                f"{what} is damaged or was cut off: shape {shape} and dtype {dtype} take {count} bytes behind the "
                f"header, and the file has {'fewer' if len(data) != count else 'more'}"
            )
        array: Numbers = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
        return np.array(array, dtype.newbyteorder("="), order="C")


def _gib(count: int) -> str:
    return f"{count / (1 << 30):.1f}" if count < 1 << 60 else "over a thousand million"  # a float has an end


def _header(file: IO[bytes], what: str) -> _Header:
    """Shape, whether it is in Fortran's order, and dtype; raises `DatasetError` for what is not an array of numbers."""
    try:
        version = _read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"format version {version[0]}.{version[1]}")
        found = _HEADERS[version](file, _MOST_BYTES_OF_HEADER)
    except (ValueError, SyntaxError, TypeError, TokenError, RecursionError, MemoryError) as error:
        raise DatasetError(f"{what} is not an array that NumPy wrote: {brief(str(error))}") from error
    shape, _, dtype = found
    if dtype.kind not in _KINDS:
        hint = ", which only running what the file holds (pickle) could read" if dtype.hasobject else ""
        raise DatasetError(f"{what} has dtype {dtype}{hint}; expected an array of numbers")
    if any(size < 0 for size in shape):
        raise DatasetError(f"{what} is not an array that NumPy wrote: its shape is {shape}")
    return found
