"""What pydantic says of the keys of a file, in the words of the project: where, what was found, what is expected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard, get_origin

from pydantic import BaseModel, ValidationError

from pytest_quant.spec.text import brief, listed, suggestion
from pytest_quant.zoo.yaml_lines import Document, KeyPath


def describe(document: Document, keys: KeyPath, model: type[BaseModel], error: ValidationError) -> str:
    """Every problem of a validation, one a line in the order of the file, with file, line and key.

    ``keys``: where the value that was validated as ``model`` stands.
    """
    found = [((*keys, *loc), text) for loc, text in problems(model, error)]
    found.sort(key=lambda problem: document.line(problem[0]) or 0)
    return "\n".join(f"{document.where(place)}: {text}" for place, text in found)


def problems(model: type[BaseModel], error: ValidationError) -> Iterator[tuple[KeyPath, str]]:
    """Each error of a validation as the key it is about and a sentence."""
    for detail in error.errors():
        loc, kind = tuple(part for part in detail["loc"] if part != "[key]"), detail["type"]
        if kind == "extra_forbidden":
            yield loc, _unknown_key(str(loc[-1]), _keys_at(model, loc[:-1]), detail["input"])
        elif kind == "missing":
            yield loc, "is missing: this key is required"
        else:
            expected = _expected(kind, detail["msg"], detail.get("ctx", {}))
            yield loc, f"found {brief(detail['input'])}, expected {expected}{_hint(loc, kind, detail)}"


def _hint(loc: KeyPath, kind: str, detail: Mapping[str, Any]) -> str:
    """What was probably meant; empty where that is not plain."""
    found = detail["input"]
    if kind == "literal_error" and isinstance(found, str):
        names = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
        meant = suggestion(found, names)
        return f".{meant}" if meant else ""
    if kind == "list_type" and loc[-1] == "size" and isinstance(found, int) and not isinstance(found, bool):
        return f": width and height, as [{found}, {found}]"
    return ""


def _unknown_key(key: str, known: Sequence[str], value: object) -> str:
    if key == "norm" and "std" in known:
        values = value if isinstance(value, list) else []
        are_factors = all(isinstance(one, int | float) and one for one in values)
        computed = f": `std: {[float(f'{1 / one:.6g}') for one in values]}`" if values and are_factors else ""
        return f"unknown key. norm is ncnn's word for a factor, std is the divisor: std = 1 / norm{computed}"
    return f"unknown key.{suggestion(key, known)} Known keys: {listed(known) or 'none'}"


def _keys_at(model: type[BaseModel], loc: KeyPath) -> tuple[str, ...]:
    """The keys that a nested model has at ``loc``."""
    current: object = model
    named = False
    for part in loc:
        if named:  # a name of the user's, such as that of a net
            named = False
            continue
        field = (
            current.model_fields.get(str(part))
            if isinstance(current, type) and issubclass(current, BaseModel)
            else None
        )
        if field is None:
            return ()
        current = next((arg for arg in _candidates(field.annotation) if _is_model(arg)), None)
        named = get_origin(field.annotation) is Mapping
    if not _is_model(current):
        return ()
    return tuple(field.alias or name for name, field in current.model_fields.items())


def _is_model(value: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(value, type) and issubclass(value, BaseModel)


def _candidates(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for arg in getattr(annotation, "__args__", ()):
        yield from _candidates(arg)


_EXPECTED = {
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "list_type": "a list",
    "string_type": "text",
    "path_type": "a path",
    "too_short": "{min_length} or more values",
    "too_long": "{max_length} or fewer values",
}
"""What pydantic's own words for it would not tell a user who wrote YAML."""


def _expected(kind: str, message: str, context: Mapping[str, object]) -> str:
    """Pydantic's ``Input should be a valid integer`` without its beginning, or our words for it."""
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**context)
    for prefix in ("Input should be ", "Value error, "):
        message = message.removeprefix(prefix)
    return message[:1].lower() + message[1:]
