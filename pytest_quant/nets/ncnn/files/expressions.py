"""Sizes that a layer computes from those of its inputs: ``*(0w,2),//(0h,2),0c`` in a string parameter.

An operator stands before its operands; ``0w`` is the width of the first input. Followed is what stays within integers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Size, extents

_PLACES = {"c": 0, "d": 1, "h": 2, "w": 3}
_TOKEN = re.compile(r"[^(),]+")
_BLOB = re.compile(r"[0-9][cdhw]")
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_OF_TWO: dict[str, Callable[[int, int], int | None]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: None if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1),
    "max": max,
    "min": min,
}
_OF_ONE: dict[str, Callable[[int], int]] = {
    "abs": abs,
    "neg": lambda a: -a,
    **dict.fromkeys(("ceil", "floor", "round", "trunc"), lambda a: a),
}


def evaluated(text: str, bottoms: Sequence[MaybeShape]) -> tuple[Size, ...] | None:
    """The list of sizes, None for one that is not known; None: not even how many.

    >>> evaluated("*(0w,2),//(0h,3),-1", [(4, 9, 8)])
    (16, 3, -1)
    """
    stack: list[Size] = []
    for token in reversed(_TOKEN.findall(text.strip('"'))):
        if _NUMBER.fullmatch(token):
            stack.append(int(token))
        elif _BLOB.fullmatch(token):
            at = int(token[0])
            stack.append(extents(bottoms[at])[_PLACES[token[1]]] if at < len(bottoms) else None)
        elif token in _OF_ONE and stack:
            one = stack.pop()
            stack.append(None if one is None else _OF_ONE[token](one))
        elif token in _OF_TWO and len(stack) > 1:
            one, two = stack.pop(), stack.pop()
            found = None if one is None or two is None else _OF_TWO[token](one, two)
            stack.append(found if found is not None and abs(found) < 2**31 else None)
        else:
            return None
    return tuple(reversed(stack))
