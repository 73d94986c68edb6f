"""Read a pickle of plain data without unpickling it: nothing that the file names is imported, called or looked up.

The standard library's disassembler gives the instructions. This module carries out the ones that build dicts, lists,
tuples, text, bytes and integers; the few that build a NumPy array are written down as an `ArrayRecord`; every other one
is refused.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray


class PickleRefusedError(Exception):
    """The pickle asks for something other than plain data, or is damaged; the text continues "this file ..."."""


@dataclass(frozen=True)
class _Global:
    """A name in the pickle; it stands for itself and is never resolved."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


_MAX_DIMENSIONS = 4
_BRIEF_LENGTH = 80

_ENCODE = _Global("_codecs", "encode")
_DTYPE = _Global("numpy", "dtype")
_NDARRAY = _Global("numpy", "ndarray")
_RECONSTRUCT = frozenset(
    {_Global("numpy.core.multiarray", "_reconstruct"), _Global("numpy._core.multiarray", "_reconstruct")}
)
_FROM_BUFFER = frozenset({_Global("numpy.core.numeric", "_frombuffer"), _Global("numpy._core.numeric", "_frombuffer")})
_ALLOWED = frozenset({_ENCODE, _DTYPE, _NDARRAY}) | _RECONSTRUCT | _FROM_BUFFER


@dataclass
class _DtypeRecord:
    code: object


@dataclass
class ArrayRecord:
    """A NumPy array as a pickle describes it; `as_uint8` makes it one."""

    shape: object = None
    dtype: object = None
    fortran_order: object = False
    raw: object = None

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


def read_plain_pickle(data: bytes, *, max_instructions: int) -> Any:
    r"""The value in a pickle of any protocol, with `ArrayRecord` in place of arrays.

    Text and bytes of protocols 0 to 2 both come as `str` with one character per byte (Latin-1), which is how Python 2
    wrote bytes and how Python 3 writes them there.

    Args:
        data: The file's content.
        max_instructions: How many instructions the pickle may have; bounds time and memory.

    Raises:
        PickleRefusedError: The pickle names a function or class other than NumPy's own for an array, uses another
            instruction, has too many of them, or is damaged. Nothing was executed.

    >>> read_plain_pickle(b"(dp0\nVlabels\np1\n(lp2\nI3\nas.", max_instructions=100)
    {'labels': [3]}

    """
    machine = _Machine()
    for count, (name, argument) in enumerate(_instructions(data, max_instructions + 1), start=1):
        if count > max_instructions:
            raise PickleRefusedError(f"has more than {max_instructions} pickle instructions")
        machine.step(name, argument)
    return machine.pop()


def _instructions(data: bytes, most: int) -> list[tuple[str, Any]]:
    """The first ``most`` instructions; the disassembler warns of a bad escape sequence and goes on, this does not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            found = islice(pickletools.genops(data), most)
            return [(opcode.name, argument) for opcode, argument, _position in found]
    except (ValueError, DeprecationWarning) as error:
        raise PickleRefusedError(f"is a damaged pickle: {error}") from error


class _Machine:
    """A stack machine for the pickle instructions that plain data needs."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in _PUSH_ARGUMENT:
            self.stack.append(argument)
        elif name in _MEMOIZE:
            self.memo[len(self.memo) if argument is None else argument] = self.top()
        elif name in _RECALL:
            self.stack.append(self.recall(argument))
        elif name in _ACTIONS:
            _ACTIONS[name](self)
        elif name == "GLOBAL":
            module, _, attribute = str(argument).partition(" ")
            self.stack.append(_allowed(_Global(module, attribute)))
        elif name not in _NOTHING_TO_DO:
            details = "" if argument is None else f" {brief(argument)}"
            raise PickleRefusedError(f"asks for the pickle instruction {name}{details}")

    def top(self) -> Any:
        if not self.stack:
            raise PickleRefusedError("is a damaged pickle: a value is missing")
        return self.stack[-1]

    def pop(self) -> Any:
        value = self.top()
        if self.marks and self.marks[-1] == len(self.stack):
            raise PickleRefusedError("is a damaged pickle: a mark where a value should be")
        del self.stack[-1]
        return value

    def pop_to_mark(self) -> list[Any]:
        if not self.marks:
            raise PickleRefusedError("is a damaged pickle: a mark is missing")
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def recall(self, index: Any) -> Any:
        if index not in self.memo:
            raise PickleRefusedError(f"is a damaged pickle: no value number {index}")
        return self.memo[index]

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def push_tuple(self, size: int) -> None:
        values = [self.pop() for _ in range(size)]
        self.stack.append(tuple(reversed(values)))

    def extend_list(self, values: list[Any]) -> None:
        target = self.top()
        if not isinstance(target, list):
            raise PickleRefusedError(f"is a damaged pickle: appends to a {type(target).__name__}")
        target.extend(values)

    def fill_dict(self, values: list[Any]) -> None:
        target = self.top()
        keys = values[::2]
        if (
            not isinstance(target, dict)
            or len(values) % 2
            or not all(isinstance(key, str | bytes | int) for key in keys)
        ):
            raise PickleRefusedError("is a damaged pickle: a dict's items do not fit")
        target.update(zip(keys, values[1::2], strict=True))

    def set_item(self) -> None:
        value = self.pop()
        self.fill_dict([self.pop(), value])

    def push_dict(self) -> None:
        values = self.pop_to_mark()
        self.stack.append({})
        self.fill_dict(values)

    def stack_global(self) -> None:
        attribute, module = self.pop(), self.pop()
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise PickleRefusedError("is a damaged pickle: the name of a function or class is no text")
        self.stack.append(_allowed(_Global(module, attribute)))

    def reduce(self) -> None:
        arguments, function = self.pop(), self.pop()
        self.stack.append(_call(function, arguments))

    def build(self) -> None:
        state, target = self.pop(), self.top()
        if isinstance(target, ArrayRecord) and isinstance(state, tuple) and len(state) == 5:
            _version, target.shape, target.dtype, target.fortran_order, target.raw = state
        elif not isinstance(target, _DtypeRecord):
            raise PickleRefusedError(f"asks to set the state of a {type(target).__name__}")


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


def _allowed(name: _Global) -> _Global:
    if name not in _ALLOWED:
        raise PickleRefusedError(f"asks for {str(name)[:_BRIEF_LENGTH]}")
    return name


def _call(function: Any, arguments: Any) -> Any:
    """What one of the allowed functions would make of its arguments, as a record."""
    if isinstance(function, _Global) and isinstance(arguments, tuple):
        if function in _RECONSTRUCT and len(arguments) == 3 and arguments[0] == _NDARRAY:
            return ArrayRecord()
        if function in _FROM_BUFFER and len(arguments) == 4:
            raw, dtype, shape, order = arguments
            return ArrayRecord(shape, dtype, order == "F", raw)
        if function == _DTYPE and len(arguments) == 3:
            return _DtypeRecord(arguments[0])
        if function == _ENCODE and len(arguments) == 2 and arguments[1] == "latin1":
            return arguments[0]
    name = str(function) if isinstance(function, _Global) else brief(function)
    raise PickleRefusedError(f"asks to call {name} with arguments that no array of uint8 needs")


_INTEGERS = frozenset({"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"})
_TEXTS = frozenset(
    {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
)
_BYTES = frozenset({"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"})
_PUSH_ARGUMENT = _INTEGERS | _TEXTS | _BYTES
_MEMOIZE = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_RECALL = frozenset({"GET", "BINGET", "LONG_BINGET"})
_NOTHING_TO_DO = frozenset({"PROTO", "FRAME", "STOP"})
_ACTIONS: dict[str, Callable[[_Machine], None]] = {
    "NONE": lambda machine: machine.stack.append(None),
    "NEWTRUE": lambda machine: machine.stack.append(True),
    "NEWFALSE": lambda machine: machine.stack.append(False),
    "MARK": _Machine.mark,
    "EMPTY_LIST": lambda machine: machine.stack.append([]),
    "LIST": lambda machine: machine.stack.append(machine.pop_to_mark()),
    "APPEND": lambda machine: machine.extend_list([machine.pop()]),
    "APPENDS": lambda machine: machine.extend_list(machine.pop_to_mark()),
    "EMPTY_DICT": lambda machine: machine.stack.append({}),
    "DICT": _Machine.push_dict,
    "SETITEM": _Machine.set_item,
    "SETITEMS": lambda machine: machine.fill_dict(machine.pop_to_mark()),
    "EMPTY_TUPLE": lambda machine: machine.stack.append(()),
    "TUPLE": lambda machine: machine.stack.append(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine: machine.push_tuple(1),
    "TUPLE2": lambda machine: machine.push_tuple(2),
    "TUPLE3": lambda machine: machine.push_tuple(3),
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}
