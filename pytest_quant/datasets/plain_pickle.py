"""Read a pickle of plain data: the standard library's unpickler, which finds no function or class outside this module.

Before it runs, the instructions are read once: their number is bounded, and those that plain data does not need are
refused. What NumPy's arrays ask for is met by stand-ins that write down what the array would be.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import warnings
from dataclasses import dataclass
from math import prod
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray


class PickleRefusedError(Exception):
    """The pickle asks for something other than plain data, or is damaged; the text continues "this file ..."."""


_MAX_DIMENSIONS = 4
_BRIEF_LENGTH = 80
_INSTRUCTIONS = frozenset(
    {
        *("PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE"),
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"),
        *("EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
    }
)
"""Those that plain data and NumPy's arrays need."""


@dataclass
class ArrayRecord:
    """A NumPy array as a pickle describes it; `as_uint8` makes it one."""

    shape: object = None
    dtype: object = None
    fortran_order: object = False
    raw: object = None

    def __setstate__(self, state: object) -> None:
        """What the pickle instruction BUILD does to an array."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise PickleRefusedError("asks to set the state of an array to what is none")
        _version, self.shape, self.dtype, self.fortran_order, self.raw = state

    def as_uint8(self) -> NDArray[np.uint8]:
        """The array; raises `PickleRefusedError` unless it is a whole array of uint8."""
        code = self.dtype.code if isinstance(self.dtype, _DtypeRecord) else None
        if code not in ("u1", "|u1", "uint8"):
            raise PickleRefusedError(f"holds an array of dtype {brief(code)} where uint8 is expected")
        raw, shape = _as_bytes(self.raw), self.shape
        if not isinstance(shape, tuple) or len(shape) > _MAX_DIMENSIONS:
            raise PickleRefusedError("holds an array without a shape")
        if not all(isinstance(side, int) and 0 <= side <= len(raw) for side in shape) or prod(shape) != len(raw):
            raise PickleRefusedError(f"holds an array of {len(raw)} bytes whose shape does not fit them")
        return np.frombuffer(raw, np.uint8).reshape(shape, order="F" if self.fortran_order else "C")


@dataclass
class _DtypeRecord:
    code: object

    def __setstate__(self, state: object) -> None:
        """Byte order and sizes of a dtype: those of uint8 have none."""


@dataclass(frozen=True)
class _StandIn:
    """Stands for a function or class that a pickle of an array names."""

    name: str

    def __call__(self, *arguments: object) -> object:
        match self.name.rpartition(".")[2], arguments:
            case "_reconstruct", (_StandIn(name="numpy.ndarray"), _, _):
                return ArrayRecord()
            case "_frombuffer", (raw, dtype, shape, order):
                return ArrayRecord(shape, dtype, order == "F", raw)
            case "dtype", (code, _, _):
                return _DtypeRecord(code)
            case "encode", (text, "latin1"):
                return text
        raise PickleRefusedError(f"asks to call {self.name} with arguments that no array of uint8 needs")

    def __setstate__(self, state: object) -> NoReturn:
        raise PickleRefusedError(f"asks to set the state of {self.name}")


_STAND_INS = {
    name: _StandIn(name)
    for name in (
        *("_codecs.encode", "numpy.dtype", "numpy.ndarray"),
        *(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")),
        *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
    )
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        """A stand-in; nothing is imported, whatever the pickle names."""
        found = _STAND_INS.get(f"{module}.{name}")
        if found is None:
            raise PickleRefusedError(f"asks for {f'{module}.{name}'[:_BRIEF_LENGTH]}")
        return found


def read_plain_pickle(data: bytes, *, max_instructions: int) -> Any:
    r"""The value in a pickle of any protocol, with `ArrayRecord` in place of arrays.

    Text and bytes of protocols 0 to 2 both come as `str` with one character per byte (Latin-1), which is how Python 2
    wrote bytes and how Python 3 writes them there.

    Args:
        data: The file's content.
        max_instructions: How many instructions the pickle may have; bounds time and memory.

    Raises:
        PickleRefusedError: The pickle names a function or class other than NumPy's own for an array, uses another
            instruction, has too many of them, or is damaged. Nothing of it was executed.

    >>> read_plain_pickle(b"(dp0\nVlabels\np1\n(lp2\nI3\nas.", max_instructions=100)
    {'labels': [3]}

    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # the standard library warns of a bad escape and goes on
        try:
            _check_instructions(data, max_instructions)
            return _Unpickler(io.BytesIO(data), fix_imports=False, encoding="latin-1").load()
        except PickleRefusedError:
            raise
        except (pickle.UnpicklingError, ArithmeticError, AttributeError, DeprecationWarning, EOFError, LookupError,
                TypeError, ValueError) as error:  # fmt: skip
            raise PickleRefusedError(f"is a damaged pickle: {error}") from error


def _check_instructions(data: bytes, most: int) -> None:
    for count, (opcode, argument, _position) in enumerate(pickletools.genops(data), start=1):
        if count > most:
            raise PickleRefusedError(f"has more than {most} pickle instructions")
        if opcode.name not in _INSTRUCTIONS:
            details = "" if argument is None else f" {brief(argument)}"
            raise PickleRefusedError(f"asks for the pickle instruction {opcode.name}{details}")
        if opcode.name.endswith("PUT") and isinstance(argument, int) and argument > most:
            # the unpickler would reserve memory for all numbers below it
            raise PickleRefusedError(f"numbers a value {argument}, of at most {most}")


def brief(value: object) -> str:
    """A value from a file as a message shows it: short whatever it is."""
    if isinstance(value, str | bytes):
        return repr(value if len(value) <= _BRIEF_LENGTH else value[:_BRIEF_LENGTH])
    if value is None or (isinstance(value, int) and abs(value) < 10**9):
        return repr(value)
    return f"a value of type {type(value).__name__}"


def _as_bytes(raw: object) -> bytes | bytearray:
    if isinstance(raw, str):
        try:
            return raw.encode("latin-1")
        except UnicodeEncodeError as error:
            raise PickleRefusedError("holds an array whose content is text") from error
    if not isinstance(raw, bytes | bytearray):
        raise PickleRefusedError("holds an array without content")
    return raw
