"""What every part of a report is: immutable, without unknown keys, without NaN and infinity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, JsonValue


class Entry(BaseModel):
    """Part of a report. A key with a default value may be absent, and is written only where it says something else."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    def as_json(self) -> dict[str, JsonValue]:
        """Plain builtins, as the JSON file has them."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


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
