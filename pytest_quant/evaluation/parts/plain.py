"""Ground truths, arrays and facts as compact text, and back; nothing of it is code, so a stranger's file does no harm.

>>> unpacked(packed({"boxes": [(1, 2.5)], "file": Path("a/b.png")}))
{'boxes': [(1, 2.5)], 'file': PosixPath('a/b.png')}
"""

from __future__ import annotations

import json
import sys
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from pytest_quant.spec.errors import ConfigError

Carried = Any
"""What was packed: whoever unpacks it knows its type."""

Array = NDArray[np.generic]

_KIND, _VALUE, _CLASS = "!", "v", "c"
_OWN = "pytest_quant."
_LEVEL = 9
MOST_BYTES = 1 << 31
"""Of one item when it is expanded: some bytes can be made to expand to all of the memory."""


def packed(value: object) -> str:
    """A value as text: JSON, compressed, in base64. Raises `ConfigError` for a type that nobody knows."""
    return b64encode(zlib.compress(json.dumps(_plain(value), separators=(",", ":")).encode(), _LEVEL)).decode()


def unpacked(text: str) -> Carried:
    """The reverse of `packed`, equal to what was packed; raises `ConfigError` for anything else."""
    try:
        return _value(json.loads(_expanded(b64decode(text, validate=True))))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, zlib.error) as error:
        raise ConfigError(f"is damaged: {error}") from None


def _expanded(data: bytes) -> bytes:
    """What was compressed; raises `ValueError` where it is cut off, or more than anybody packs."""
    stream = zlib.decompressobj()
    found = stream.decompress(data, MOST_BYTES)
    if stream.unconsumed_tail or not stream.eof:
        raise ValueError(f"it holds more than {MOST_BYTES} bytes" if stream.unconsumed_tail else "it ends too early")
    return found


def _plain(value: object) -> JsonValue:
    if value is None or type(value) in (bool, int, float, str):
        return value  # type: ignore[return-value]
    if type(value) is list:
        return [_plain(one) for one in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _array(np.asarray(value), "array" if isinstance(value, np.ndarray) else "scalar")
    if is_dataclass(value) and not isinstance(value, type):
        own = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        kind = type(value)
        return {_KIND: "data", _CLASS: f"{kind.__module__}:{kind.__qualname__}", _VALUE: own}
    if isinstance(value, Mapping):
        return {_KIND: "dict", _VALUE: [[_plain(key), _plain(one)] for key, one in value.items()]}
    if type(value) is tuple:
        return {_KIND: "tuple", _VALUE: [_plain(one) for one in value]}
    if type(value) is frozenset:
        return {_KIND: "frozenset", _VALUE: [_plain(one) for one in sorted(value)]}
    if isinstance(value, bytes):
        return {_KIND: "bytes", _VALUE: b64encode(value).decode()}
    if isinstance(value, PurePath):
        return {_KIND: "path", _VALUE: value.as_posix()}
    raise ConfigError(f"a value of type {type(value).__name__} cannot be written into the report of a part")


def _array(array: Array, kind: str) -> JsonValue:
    if array.dtype.hasobject:
        raise ConfigError("an array of objects cannot be written into the report of a part")
    content = b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {_KIND: kind, _CLASS: array.dtype.str, "shape": list(array.shape), _VALUE: content}


def _value(plain: Carried) -> Carried:
    if isinstance(plain, list):
        return [_value(one) for one in plain]
    if not isinstance(plain, dict):
        return plain
    return _READERS[plain[_KIND]](plain)


def _read_array(plain: Carried) -> Array:
    found = np.frombuffer(b64decode(plain[_VALUE]), np.dtype(plain[_CLASS]))
    shaped: Array = found.reshape(plain["shape"]).copy()
    return shaped


def _read_data(plain: Carried) -> object:
    """An instance of a class that is a dataclass of this package, or of a module that is loaded already."""
    module, _, name = plain[_CLASS].partition(":")
    found: Carried = _imported(module) if module.startswith(_OWN) else sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not (isinstance(found, type) and is_dataclass(found)):
        raise ConfigError(f"holds a {plain[_CLASS]}, which is not known here: what registers it must be installed")
    made = object.__new__(found)
    for one in fields(found):
        object.__setattr__(made, one.name, _value(plain[_VALUE][one.name]))
    return made


def _imported(module: str) -> object:
    try:
        return None if "__main__" in module else import_module(module)
    except ImportError:
        return None


_READERS: Mapping[str, Callable[[Carried], Carried]] = {
    "array": _read_array,
    "scalar": lambda plain: _read_array(plain)[()],
    "data": _read_data,
    "dict": lambda plain: {_value(key): _value(one) for key, one in plain[_VALUE]},
    "tuple": lambda plain: tuple(map(_value, plain[_VALUE])),
    "frozenset": lambda plain: frozenset(map(_value, plain[_VALUE])),
    "bytes": lambda plain: b64decode(plain[_VALUE]),
    "path": lambda plain: Path(plain[_VALUE]),
}
