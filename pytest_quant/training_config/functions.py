"""Python's own functions that a config may call: they read their arguments and change nothing."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from pytest_quant.training_config.effort import Effort

LONGEST = 100_000
_LARGEST = 2**63
_LARGEST_BASE = 2**20
_LARGEST_POWER = 40
_MOST_ROUNDS = 200_000


class Budget:
    """How many rounds the loops of a file may still take: no file, however strange, makes the reader work for long."""

    def __init__(self, effort: Effort) -> None:
        """``effort`` is that of all files."""
        self.effort = effort
        self._left = _MOST_ROUNDS

    def spend(self) -> bool:
        """Whether one more round is allowed."""
        self._left -= 1
        return self._left >= 0


def is_small(value: object) -> bool:
    """Whether an operator or function may work on it: a number, or a sequence that is not too long."""
    if isinstance(value, str | list | tuple | range | dict):
        return len(value) <= LONGEST
    return value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) <= _LARGEST)


def is_small_power(base: object, power: object) -> bool:
    """Whether ``base ** power`` is a number of bearable size, and not a complex one."""
    if not isinstance(base, int | float) or not isinstance(power, int | float):
        return False
    return abs(base) <= _LARGEST_BASE and abs(power) <= _LARGEST_POWER and (base >= 0 or power == int(power))


def is_small_repetition(left: object, right: object) -> bool:
    """Whether ``left * right`` is a number, or a sequence repeated no more often than is bearable."""
    sizes = [len(value) if isinstance(value, str | list | tuple) else None for value in (left, right)]
    if sizes == [None, None]:
        return True
    size = next(size for size in sizes if size is not None)
    times = right if sizes[1] is None else left
    return isinstance(times, int) and size * max(times, 0) <= LONGEST


def _range(*limits: int) -> range:
    found = range(*limits)
    if len(found) > LONGEST:
        raise ValueError("too long")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str | int | float):
        raise TypeError("not a number or text")
    return str(value)


FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "abs": abs,
    "bool": bool,
    "enumerate": lambda *arguments: list(enumerate(*arguments)),
    "float": float,
    "int": int,
    "len": len,
    "list": list,
    "max": max,
    "min": min,
    "range": _range,
    "reversed": lambda values: list(reversed(values)),
    "round": round,
    "sorted": sorted,
    "str": _text,
    "sum": sum,
    "tuple": tuple,
    "zip": lambda *sequences: list(zip(*sequences, strict=False)),
}


def targets(target: ast.expr, value: object) -> dict[object, object] | None:
    """The names that a loop binds to a value; None for anything but names and tuples of them.

    >>> targets(ast.parse("a, b").body[0].value, (1, 2))
    {'a': 1, 'b': 2}
    """
    if isinstance(target, ast.Name):
        return {target.id: value}
    if not isinstance(target, ast.Tuple | ast.List) or not isinstance(value, list | tuple):
        return None
    if len(target.elts) != len(value):
        return None
    bound: dict[object, object] = {}
    for part, inner in zip(target.elts, value, strict=True):
        found = targets(part, inner)
        if found is None:
            return None
        bound |= found
    return bound
