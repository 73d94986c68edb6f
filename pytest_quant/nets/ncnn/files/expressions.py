"""Sizes that a layer computes from those of its inputs: ``*(0w,2),//(0h,2),0c`` in a string parameter.

An operator stands before its operands; ``0w`` is the width of the first input. ncnn computes with 32 bits, integers as
long as both operands are. Not followed are ``exp``, ``sin`` and the like, which each mathematical library rounds in its
own way. What C leaves open (integers that do not fit into 32 bits, infinity as a size, 0/0) is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from ctypes import c_float

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Size, extents
from pytest_quant.nets.ncnn.files.param import Layer

Value = int | float | None
"""None: not known."""
_Unary = Callable[[int | float], Value]
_Binary = Callable[[int | float, int | float], Value]

_PLACES = {"c": 0, "d": 1, "h": 2, "w": 3}
_TOKEN = re.compile(r"[^(),]+")
_BLOB = re.compile(r"[0-9][cdhnw]")
_INTEGER = re.compile(r"\s*([+-]?[0-9]+)")
_REAL = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_OTHER_REAL = re.compile(r"\s*[+-]?(?:0x|inf|nan)", re.IGNORECASE)
_INTEGERS = 2**31
_LEAST_NORMAL = 2.0**-126
"""What is smaller the flags of a compiler may make 0."""
_LONGEST_NUMBER = 300


def list_expression(layer: Layer, key: int, bottoms: Sequence[MaybeShape]) -> tuple[Size, ...] | None:
    """The sizes that a layer's expression gives, None for one that is not known; None: it has no expression.

    Raises:
        ValueError: of what the layer lists nothing can be made; in words.

    """
    text = layer.params.get(key)
    if not isinstance(text, str) or not text:
        return None
    try:
        return evaluated(text, bottoms)
    except ValueError as error:
        raise ValueError(f"has the expression {text!r} (parameter {key}), {error}") from None


def evaluated(text: str, bottoms: Sequence[MaybeShape]) -> tuple[Size, ...]:
    """The list of sizes, None for one that is not known; raises `ValueError` for what ncnn cannot evaluate.

    >>> evaluated("*(0w,2),floor(/(0h,2)),-1", [(4, 9, 8)])
    (16, 4, -1)
    """
    stack: list[Value] = []
    for token in reversed(_TOKEN.findall(text)):
        if _BLOB.fullmatch(token):
            stack.append(_size(token, bottoms))
        elif token in _OF_ONE:
            (one,) = _operands(token, stack, 1)
            stack.append(None if one is None else _checked(token, _OF_ONE[token](one)))
        elif token in _OF_TWO:
            one, two = _operands(token, stack, 2)
            found = None if one is None or two is None else _OF_TWO[token](one, two)
            stack.append(_checked(token, found))
        else:
            stack.append(_checked(token, _literal(token)))
    if not stack:
        raise ValueError("which is empty")
    return tuple(_whole(value) for value in reversed(stack))


def listed_parts(text: str) -> int:
    """How many sizes there are by the commas between them.

    >>> listed_parts("*(0w,2),-1")
    2
    """
    depth, count = 0, 1
    for character in text:
        depth += (character == "(") - (character == ")")
        count += character == "," and not depth
    return count


def _size(token: str, bottoms: Sequence[MaybeShape]) -> Size:
    at = int(token[0])
    if at >= len(bottoms):
        raise ValueError(f"and {token!r} is of input {at}, counted from 0: it reads {len(bottoms)}")
    return None if token[1] == "n" else extents(bottoms[at])[_PLACES[token[1]]]


def _operands(token: str, stack: list[Value], count: int) -> list[Value]:
    if len(stack) < count:
        raise ValueError(f"in which {token!r} has {len(stack)} of {count} operands")
    return [stack.pop() for _ in range(count)]


def _literal(token: str) -> Value:
    """What C's ``sscanf`` reads: the number at the beginning."""
    real, whole = _REAL.match(token), _INTEGER.match(token)
    if _OTHER_REAL.match(token):
        raise ValueError(f"in which {token!r} is no plain number")
    if real is None:
        raise ValueError(f"in which {token!r} is neither a number, a size nor an operator")
    if len(real[1]) > _LONGEST_NUMBER or token[real.end() : real.end() + 1] in ("e", "E"):
        return None  # C libraries differ in what they make of `12e`
    found = float(real[1])
    digits = 0 if whole is None else int(whole[1])
    if whole is not None and -_INTEGERS <= digits < _INTEGERS and _single(digits) == _single(found):
        return digits
    return None if _is_between(found) else _single(found)


def _is_between(number: float) -> bool:
    """Whether it lies in the middle of two numbers of 32 bits: further digits of its text may tell which is nearer."""
    step = _single(number) - number
    return step != 0 and math.isfinite(step) and _single(number - step) == number - step


def _checked(token: str, value: Value) -> Value:
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueError(f"in which {token!r} gives no number")
        return value if value == 0 or abs(value) >= _LEAST_NORMAL else None
    if value is not None and not -_INTEGERS <= value < _INTEGERS:
        raise ValueError(f"in which {token!r} gives {value}, which does not fit into 32 bits")
    return value


def _whole(value: Value) -> Size:
    if isinstance(value, float):
        return _integer(math.trunc, value)
    return value


def _integer(of: Callable[[float], int], number: float) -> int:
    """A float that becomes an integer."""
    if abs(number) >= _INTEGERS:
        raise ValueError(f"in which {number:g} is to be an integer of 32 bits")
    return of(number)


def _single(number: float) -> float:
    return c_float(number).value


def _floats(of: Callable[[float, float], float]) -> _Binary:
    """An operator that takes its operands for floats."""
    return lambda one, two: _single(of(_single(one), _single(two)))


def _either(integers: Callable[[int, int], int], floats: Callable[[float, float], float]) -> _Binary:
    """An operator that stays within integers where both operands are."""

    def operator(one: float, two: float) -> Value:
        if isinstance(one, int) and isinstance(two, int):
            return integers(one, two)
        return _floats(floats)(one, two)

    return operator


def _bits(name: str, of: Callable[[int, int], int]) -> _Binary:
    def operator(one: float, two: float) -> Value:
        if not (isinstance(one, int) and isinstance(two, int)):
            raise ValueError(f"in which {name!r} takes integers")
        return of(one, two)

    return operator


def _shift(name: str, of: Callable[[int, int], int]) -> _Binary:
    def operator(one: int, two: int) -> int:
        if not 0 <= two < 32:
            raise ValueError(f"in which {name!r} moves bits by {two}")
        return of(one, two)

    return _bits(name, operator)


def _divided(one: int, two: int) -> int:
    if two == 0:
        raise ValueError(f"which divides {one} by 0")
    return abs(one) // abs(two) * (1 if (one < 0) == (two < 0) else -1)


def _quotient(one: float, two: float) -> float:
    if two:
        return _single(one / two)
    return math.copysign(math.inf, one) * math.copysign(1, two) if one else math.nan


def _floored(one: float, two: float) -> float:
    found = _quotient(one, two)
    return math.floor(found) if math.isfinite(found) else found


def _modulus(one: float, two: float) -> float:
    return math.fmod(one, two) if two and math.isfinite(one) else math.nan


def _remainder(one: float, two: float) -> float:
    """As C's ``fmod``, and with the sign of the divisor."""
    left = _modulus(one, two)
    return left + two if _single(one * two) < 0 else left


def _rounded(of: Callable[[float], int]) -> _Unary:
    return lambda one: one if isinstance(one, int) else _integer(of, one)


def _half_away(one: float) -> int:
    return int(math.copysign(math.floor(abs(one) + 0.5), one))


def _sign(one: float) -> float:
    return type(one)((one > 0) - (one < 0))


def _root(one: float) -> float:
    return _single(math.sqrt(_single(one))) if one >= 0 else math.nan


def _not_followed(*_operands: float) -> None:
    return None


_OF_ONE: dict[str, _Unary] = {
    **dict.fromkeys(("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "erf", "exp"), _not_followed),
    **dict.fromkeys(("log", "log10", "rsqrt", "sin", "sinh", "tan", "tanh"), _not_followed),
    "abs": abs,
    "ceil": _rounded(math.ceil),
    "floor": _rounded(math.floor),
    "neg": lambda one: -one,
    "reciprocal": lambda one: _quotient(1, _single(one)),
    "round": _rounded(_half_away),
    "sign": _sign,
    "sqrt": _root,
    "square": lambda one: one * one if isinstance(one, int) else _single(one * one),
    "trunc": _rounded(math.trunc),
}
_OF_TWO: dict[str, _Binary] = {
    **dict.fromkeys(("atan2", "logaddexp", "pow"), _not_followed),
    "*": _either(lambda a, b: a * b, lambda a, b: a * b),
    "+": _either(lambda a, b: a + b, lambda a, b: a + b),
    "-": _either(lambda a, b: a - b, lambda a, b: a - b),
    "/": _floats(_quotient),
    "//": _either(_divided, _floored),
    "and": _bits("and", lambda a, b: a & b),
    "fmod": _floats(_modulus),
    "lshift": _shift("lshift", lambda a, b: a << b),
    "max": _either(max, max),
    "min": _either(min, min),
    "or": _bits("or", lambda a, b: a | b),
    "remainder": _floats(_remainder),
    "rshift": _shift("rshift", lambda a, b: a >> b),
    "xor": _bits("xor", lambda a, b: a ^ b),
}
