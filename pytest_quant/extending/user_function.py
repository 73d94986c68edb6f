"""A user's function as a part of a task: its identity for cache keys, and its errors in words."""

from __future__ import annotations

import functools
import hashlib
import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CellType, CodeType
from typing import Any

import numpy as np

from pytest_quant.extending.versions import source_digest
from pytest_quant.spec.errors import RunnerError


@dataclass(frozen=True)
class UserFunction:
    """One function of a `function_task`."""

    task: str
    role: str
    """``prepare``, ``decode`` or ``score``."""
    function: Callable[..., object]

    def __call__(self, *args: Any) -> Any:
        """What the function gives; what it raises becomes a `RunnerError` that says where."""
        try:
            return self.function(*args)
        except Exception as error:
            raise RunnerError(
                f"`{self.role}` of the task {self.task} failed: {type(error).__name__}: {error}{_place(error)}"
            ) from error

    @property
    def name(self) -> str:
        """What reports call it."""
        return getattr(self.function, "__qualname__", type(self.function).__qualname__)

    @property
    def identity(self) -> str:
        """Changes when what the function does may have changed; part of every cache key.

        Its attribute ``version`` where it has one. Else a digest of its name, of the whole source file that defines
        it, and of the values that it has bound: by `functools.partial`, a closure, defaults, or as a method.
        """
        version = getattr(self.function, "version", None)
        if version is not None:
            return f"version {version}"
        return hashlib.sha256(_identity(self.function, ()).encode()).hexdigest()


def _identity(function: object, seen: tuple[int, ...]) -> str:
    if id(function) in seen:  # a function that calls itself
        return "itself"
    known, seen = seen, (*seen, id(function))
    if isinstance(function, functools.partial):
        bound = [*function.args, *sorted(function.keywords.items())]
        return f"partial({_identity(function.func, seen)}, {[_value(item, seen) for item in bound]})"
    if inspect.ismethod(function):
        return f"{_identity(function.__func__, seen)} of {_value(function.__self__, seen)}"
    if inspect.isfunction(function):
        cells = [_value(_content(cell), seen) for cell in function.__closure__ or ()]
        defaults = [_value(item, seen) for item in (function.__defaults__ or (), function.__kwdefaults__ or {})]
        return f"{function.__qualname__} {source_digest(function)} {_code(function.__code__)} {cells} {defaults}"
    return f"{_value(function, known)} {source_digest(function)}"


def _code(code: CodeType) -> str:
    """Of functions without a source file, such as those typed at a prompt; bytecode tells lambdas of a line apart."""
    nested = [_code(item) if inspect.iscode(item) else _value(item, ()) for item in code.co_consts]
    return f"{hashlib.sha256(code.co_code).hexdigest()} {code.co_names} {nested}"


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # still empty
        return None


def _value(value: object, seen: tuple[int, ...]) -> str:
    """What a bound value is; an object by its class and attributes, never by its address."""
    if id(value) in seen:
        return "itself"
    if inspect.isroutine(value) or isinstance(value, functools.partial):
        return _identity(value, seen)
    if inspect.isclass(value) or inspect.ismodule(value):
        return str(value.__name__)
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}{[_value(item, seen) for item in value]}"
    if isinstance(value, dict):
        return f"dict{[(_value(key, seen), _value(item, seen)) for key, item in value.items()]}"
    if isinstance(value, (set, frozenset)):  # their order differs between processes
        return f"{type(value).__name__}{sorted(_value(item, seen) for item in value)}"
    if isinstance(value, (np.ndarray, np.generic)):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if hasattr(value, "__qualname__"):  # a function of a library
        return f"{getattr(value, '__module__', '')}.{value.__qualname__}"
    if hasattr(value, "__dict__"):
        return f"{type(value).__qualname__} {_value(vars(value), (*seen, id(value)))}"
    return repr(value)


def _place(error: Exception) -> str:
    """File and line of the user's code that raised."""
    frames = traceback.extract_tb(error.__traceback__)
    if len(frames) < 2:  # raised by the call itself, such as for a wrong number of arguments
        return ""
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})"
