"""Numbers and JSON from files, read strictly: what Python's own readers take too freely, or answer with odd errors.

``"²".isdigit()`` is true and ``int("²")`` an error; an integer of 5000 digits is a ``ValueError`` of its own kind, one
of 400 an ``OverflowError`` wherever it meets a float; JSON takes NaN, half a surrogate pair, and the last of two keys
of one name.
"""

from __future__ import annotations

import json
import re

_WHOLE = re.compile(r"[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?(?:(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?|inf|nan)")
_EXACT_DIGITS = 18
"""So many fit into 64 bits."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def whole_number(text: str, *, most: int = 2**31 - 1) -> int | None:
    """A number from 0 to ``most`` written with the digits 0 to 9; None for anything else.

    >>> whole_number("12"), whole_number("²"), whole_number("-1"), whole_number("9" * 5000)
    (12, None, None, None)
    """
    if not _WHOLE.fullmatch(text):
        return None
    value = int(text)
    return value if value <= most else None


def decimal_number(text: str) -> float | None:
    """A number as C's ``%f`` and ``%e`` print it, ``inf`` and ``nan`` among them; None for anything else.

    >>> decimal_number("-1.5e3"), decimal_number("inf"), decimal_number("1_000"), decimal_number("\u0663")
    (-1500.0, inf, None, None)
    """
    return float(text) if _DECIMAL.fullmatch(text) else None


def parse_json(data: bytes) -> object:
    """The value of a JSON document in UTF-8, with or without a byte order mark.

    An integer of more than 18 digits comes as a float, infinite where no float is as large. Raises `ValueError` for
    what is not JSON, also where Python takes it: NaN and Infinity, a key that stands twice, text that is none.

    >>> parse_json(b'{"a": 99999999999999999999}')
    {'a': 1e+20}
    """
    text = data.decode("utf-8-sig")
    try:
        found: object = json.loads(
            text, parse_int=_integer, parse_constant=_no_constant, object_pairs_hook=_with_unique_keys
        )
        if _SURROGATE.search(data):
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError as error:
        raise ValueError(f"found {error.object[error.start]!a}, half of a surrogate pair, which is not text") from None
    return found


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= _EXACT_DIGITS else float(text)


def _no_constant(name: str) -> object:
    raise ValueError(f"found {name}, which is not JSON")


def _with_unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        double = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {double[:40]!r} stands twice in one object")
    return found
