"""What every part of a report is: immutable, without unknown keys, without NaN and infinity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, JsonValue, field_validator

from pytest_quant.spec.text import encodable, visible

if TYPE_CHECKING:
    from typing_extensions import Self


class Entry(BaseModel):
    """Part of a report. A key with a default value may be absent, and is written only where it says something else.

    What stands below a key in the source is its description in the published schema, which `report.schema` reads there:
    pydantic would in every process that reports.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _encodable(cls, value: object) -> object:
        return _with_texts(value, encodable)

    def visible(self) -> Self:
        """The same with every text as it may be shown; line feeds stay in reasons, which may have several lines."""
        shown: dict[str, object] = {}
        for name in type(self).model_fields:
            several = name in _SEVERAL_LINES
            shown[name] = _with_texts(getattr(self, name), partial(visible, lines=several))
        return self.model_copy(update=shown)

    def as_json(self) -> dict[str, JsonValue]:
        """Plain builtins, as the JSON file has them."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


_SEVERAL_LINES = ("reason", "error")


def _with_texts(value: object, change: Callable[[str], str]) -> object:
    """A value with each text in it changed; a part of a report goes by its own rule."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Entry):
        return value.visible() if change is not encodable else value
    if isinstance(value, dict):
        return {_with_texts(key, change): _with_texts(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_texts(item, change) for item in value]
    if type(value) is tuple:
        return tuple(_with_texts(item, change) for item in value)
    return value


def json_value(value: object) -> JsonValue:
    """A value in exact builtin types: NumPy's numbers, paths, tuples and the like become what JSON has for them.

    >>> from pathlib import Path
    >>> json_value({"a": (1, Path("b"))})
    {'a': [1, 'b']}
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [json_value(item) for item in value]
    for builtin in (int, float, str):
        if isinstance(value, builtin):
            return builtin(value)
    item = getattr(value, "item", None)  # a NumPy scalar
    return json_value(item()) if callable(item) else str(value)
