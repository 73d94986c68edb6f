"""The parameters of a layer in a ``.param`` file: the ``key=value`` pairs at the end of its line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.strict import whole_number
from pytest_quant.spec.text import shown

MAX_PARAM_ID = 31
SHORT_LINE = 400
"""Characters of what is remembered: most lines have less, and a file may have some of megabytes."""
_ARRAY_BASE = -23300
_SHORT = 9  # characters of a number that fits into 32 bits in any case
_MAX_NUMBER_LENGTH = 15  # ncnn reads at most so many characters of a number and takes the rest for the next key

ParamValue = int | float | str | tuple[int, ...] | tuple[float, ...]

_PAIR = re.compile(r'(-?[0-9]{1,9})=((?:"[^"]*")|\S*)\s*')
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class LayerLine:
    """A layer's line in a file, put in words only where something is wrong with it."""

    path: Path
    line: int
    layer: str
    type: str

    def __str__(self) -> str:
        return f"{shown(self.path)}:{self.line}: layer {self.layer!r} ({self.type})"


_NOWHERE = LayerLine(Path(), 0, "", "")


def is_pair(text: str) -> bool:
    """Whether a word is a parameter, and no name of a blob."""
    return _PAIR.fullmatch(text) is not None


def read_params(where: LayerLine, text: str) -> Mapping[int, ParamValue]:
    """The parameters by their id, mostly the same object for the same text.

    Raises `ModelFileError` for what ncnn would not read, or read otherwise.
    """
    params = sound_params(text) if len(text) <= SHORT_LINE else None
    return _read_any_params(where, text) if params is None else params


@lru_cache(maxsize=4096)
def sound_params(text: str) -> Mapping[int, ParamValue] | None:
    """The parameters of any layer that ends like this; None where something is wrong with them."""
    params = _read_whole_numbers(text)
    if params is None:
        with suppress(ModelFileError):  # told by `read_params`, which knows where
            return _read_any_params(_NOWHERE, text)
    return params


def _read_whole_numbers(text: str) -> dict[int, ParamValue] | None:
    """Pairs of short whole numbers, which nearly all lines hold and nothing else; None for any other."""
    params: dict[int, ParamValue] = {}
    for pair in text.split():
        key, _, value = pair.partition("=")
        digits = value[1:] if value.startswith("-") else value
        if not (pair.isascii() and key.isdigit() and digits.isdigit()) or len(key) > 2 or len(value) > _SHORT:
            return None
        params[int(key)] = int(value)
    return params if max(params, default=0) <= MAX_PARAM_ID else None


def _read_any_params(where: LayerLine, text: str) -> dict[int, ParamValue]:
    params: dict[int, ParamValue] = {}
    text = text.strip()
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None or not match[2]:
            raise ModelFileError(
                f"{where}: found {text[position:].split()[0]!r}, expected key=value; is the line truncated?"
            )
        key = int(match[1])
        is_array = key <= _ARRAY_BASE
        key = _ARRAY_BASE - key if is_array else key
        if not 0 <= key <= MAX_PARAM_ID:
            raise ModelFileError(f"{where}: parameter id {key} in {match[0].strip()!r} is outside 0 to {MAX_PARAM_ID}")
        params[key] = _read_value(where, match[0].strip(), match[2], is_array=is_array)
        position = match.end()
    return params


def _read_value(where: LayerLine, pair: str, value: str, *, is_array: bool) -> ParamValue:
    if is_array:
        length, *items = value.split(",")
        if whole_number(length) != len(items):
            raise ModelFileError(f"{where}: {pair!r} announces {length} array values, {len(items)} follow")
        return _numbers(where, pair, items)
    if value.startswith('"') or value[0].isalpha():
        return value.strip('"')
    if "," in value:
        return _numbers(where, pair, value.rstrip(",").split(","))
    return _numbers(where, pair, [value])[0]


def _numbers(where: LayerLine, pair: str, items: list[str]) -> tuple[int, ...] | tuple[float, ...]:
    for item in items:
        if len(item) > _MAX_NUMBER_LENGTH:
            raise ModelFileError(f"{where}: {item!r} in {pair!r} is longer than the 15 characters that ncnn reads")
        if not _FLOAT.fullmatch(item):
            plain = item.rstrip("fF")
            hint = f": ncnn takes no suffix any more, write {float(plain)!r}" if _FLOAT.fullmatch(plain) else ""
            raise ModelFileError(f"{where}: {item!r} in {pair!r} is not a number{hint}")
    if all(_INTEGER.fullmatch(item) for item in items):
        whole = tuple(int(item) for item in items)
        for item, value in zip(items, whole, strict=True):
            if not -(2**31) <= value < 2**31:
                raise ModelFileError(
                    f"{where}: {item!r} in {pair!r} does not fit into the 32 bits that ncnn has for it"
                )
        return whole
    found = tuple(float(item) for item in items)
    for item, number in zip(items, found, strict=True):
        if not math.isfinite(number):
            raise ModelFileError(f"{where}: {item!r} in {pair!r} is too large for a number")
    return found
