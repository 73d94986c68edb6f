"""The keys of a zoo file, as pydantic models, and what pydantic says of them in the words of the project."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from pytest_quant.text import listed, suggestion
from pytest_quant.zoo.yaml_lines import KeyPath

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")

LATER_KEYS = ("onnx", "config", "mmdeploy", "metafile", "regression", "calibrate")
"""Keys of the zoo format that this version cannot act on; refusing them beats ignoring them."""


class Strict(BaseModel):
    """No unknown keys, no silent conversion of types, no change after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NetEntry(Strict):
    """``fp32: {param, bin}``."""

    param: str
    bin: str


class Int8Entry(NetEntry):
    """``int8: {param, bin, table}``."""

    table: str | None = None


class InputEntry(Strict):
    """``input: {blob, size, color, mean, std, scale}``."""

    blob: str
    size: list[PositiveInt] | None = Field(default=None, min_length=2, max_length=2)
    color: Literal["rgb", "bgr", "gray"] = "rgb"
    mean: list[float] | None = None
    std: list[float] | None = None
    scale: float = 1.0


class ModelEntry(Strict):
    """One entry of ``models``."""

    task: str
    dataset: str
    fp32: NetEntry
    int8: Int8Entry
    input: InputEntry
    output: str | list[str]
    preprocess: dict[str, Any] = {}
    postprocess: dict[str, Any] = {}
    metric: dict[str, dict[str, Any]] = {}
    tolerance: dict[str, Any] = {}
    floor: dict[str, Any] = {}
    published: dict[Literal["fp32", "int8"], dict[str, Any]] = {}
    require: dict[str, Any] = {}
    samples: PositiveInt | None = None
    runtime: Literal["reference", "deploy"] = "reference"
    xfail: dict[str, str] = {}


class Defaults(Strict):
    """``defaults``."""

    tolerance: dict[str, Any] = {}


class ZooHead(Strict):
    """The file without what its models and datasets hold: those are read one by one."""

    version: Literal[1]
    defaults: Defaults = Defaults()
    datasets: dict[str, dict[str, Any]] = {}
    models: dict[str, Any] = Field(min_length=1)


def problems(model: type[BaseModel], error: ValidationError) -> Iterator[tuple[KeyPath, str]]:
    """Each error of a validation as the key it is about and a sentence; ``model`` is what was validated."""
    for detail in error.errors():
        loc, kind = tuple(detail["loc"]), detail["type"]
        if kind == "extra_forbidden":
            yield loc, _unknown_key(str(loc[-1]), _keys_at(model, loc[:-1]))
        elif kind == "missing":
            yield loc, "is missing: this key is required"
        else:
            yield loc, f"found {_brief(detail['input'])}, expected {_expected(detail['msg'])}"


def _unknown_key(key: str, known: tuple[str, ...]) -> str:
    if key in LATER_KEYS:
        return "this version of pytest-quant cannot act on this key yet: remove it, so that nothing seems checked"
    return f"unknown key.{suggestion(key, known)} Known keys: {listed(known)}"


def _keys_at(model: type[BaseModel], loc: KeyPath) -> tuple[str, ...]:
    """The keys that a nested model has at ``loc``."""
    current: Any = model
    for part in loc:
        field = (
            current.model_fields.get(str(part))
            if isinstance(current, type) and issubclass(current, BaseModel)
            else None
        )
        if field is None:
            return ()
        current = next((arg for arg in _candidates(field.annotation) if _is_model(arg)), None)
    if not _is_model(current):
        return ()
    return tuple(field.alias or name for name, field in current.model_fields.items())


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


def _candidates(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for arg in getattr(annotation, "__args__", ()):
        yield from _candidates(arg)


def _brief(value: Any) -> str:
    text = repr(dict(value)) if isinstance(value, Mapping) else repr(value)
    shortened = text if len(text) <= 60 else text[:57] + "..."
    return f"{shortened} ({type(value).__name__.replace('PrintedFloat', 'float')})"


def _expected(message: str) -> str:
    """Pydantic's ``Input should be a valid integer`` without its beginning."""
    for prefix in ("Input should be ", "Value error, "):
        message = message.removeprefix(prefix)
    return message[:1].lower() + message[1:]
