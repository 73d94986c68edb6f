"""Answers of users' functions as plain arrays, for the store: any nesting of arrays, numbers, strings and None."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.base import Arrays

_STRUCTURE = "structure"
_KEPT_KINDS = "biufcUS"
"""Of dtypes: truth values, numbers and text. Objects are not kept: only code could make them again."""


class NotStorableError(TypeError):
    """An answer, or a part of it, that cannot be kept; the text says which."""


def check_storable(answer: object) -> None:
    """Raise `NotStorableError` for an answer that `pack_answers` cannot keep.

    >>> check_storable({"points": np.zeros((5, 2)), "name": "a", "scores": (0.5, 1)})
    """
    _encoded(answer, [], "the answer")


def pack_answers(answers: Sequence[object]) -> Arrays:
    """Answers as arrays: the arrays in them, and their structure as JSON.

    >>> sorted(pack_answers([{"points": np.zeros(2)}, None]))
    ['array_0', 'structure']
    """
    arrays: list[NDArray[np.generic]] = []
    structure = [_encoded(answer, arrays, "the answer") for answer in answers]
    text = json.dumps(structure, ensure_ascii=False, separators=(",", ":"))
    return {
        _STRUCTURE: np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8),
        **{f"array_{index}": array for index, array in enumerate(arrays)},
    }


def unpack_answers(arrays: Arrays) -> list[Any]:
    """The reverse of `pack_answers`: the same types, values and dtypes.

    >>> unpack_answers(pack_answers([("a", 1, 0.5), np.float32(2)]))
    [('a', 1, 0.5), np.float32(2.0)]
    """
    text = arrays[_STRUCTURE].tobytes().decode("utf-8", "surrogatepass")
    return [_decoded(node, arrays) for node in json.loads(text)]


def _encoded(part: object, arrays: list[NDArray[np.generic]], where: str) -> object:
    """A part as JSON, its arrays put aside; containers are objects of one key that says what they are."""
    kind = type(part)
    if part is None or kind in (bool, int, float, str):
        return part
    if isinstance(part, (np.ndarray, np.generic)):
        return _encoded_array(part, arrays, where)
    if isinstance(part, (tuple, list)) and kind in (tuple, list):
        items = [_encoded(item, arrays, f"{where}[{index}]") for index, item in enumerate(part)]
        return {kind.__name__: items}
    if isinstance(part, dict) and kind is dict:
        for key in part:
            if type(key) is not str:
                raise NotStorableError(f"{where} has the key {key!r} of type {type(key).__name__}, expected text")
        return {"dict": {key: _encoded(item, arrays, f"{where}[{key!r}]") for key, item in part.items()}}
    raise NotStorableError(
        f"{where} is of type {kind.__module__}.{kind.__qualname__}; what can be kept are arrays, numbers, text, None, "
        "and tuples, lists and dicts of them"
    )


def _encoded_array(part: object, arrays: list[NDArray[np.generic]], where: str) -> dict[str, int]:
    array = np.asarray(part)
    if array.dtype.kind not in _KEPT_KINDS:
        raise NotStorableError(f"{where} is an array of dtype {array.dtype}; expected truth values, numbers or text")
    arrays.append(array)
    return {"array" if isinstance(part, np.ndarray) else "scalar": len(arrays) - 1}


def _decoded(node: object, arrays: Arrays) -> object:
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind == "dict":
        return {key: _decoded(item, arrays) for key, item in content.items()}
    if kind in ("tuple", "list"):
        items = (_decoded(item, arrays) for item in content)
        return tuple(items) if kind == "tuple" else list(items)
    array = arrays[f"array_{content}"]
    return array if kind == "array" else array[()]
