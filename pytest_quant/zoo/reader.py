"""A zoo file, read: each model either as a `ModelSpec` or as the reason why it cannot be used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from pytest_quant.datasets.remote import url_path
from pytest_quant.datasets.servers import is_url
from pytest_quant.extending.known import dataset_types, options_of
from pytest_quant.judging.limits.written import MAX_TOLERANCE_PCT
from pytest_quant.judging.sanity import check_waived
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, InternalError, ZooError
from pytest_quant.spec.internal import told_as_internal
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import brief, listed, shown, suggestion
from pytest_quant.zoo.environment import UnsetVariableError, expand, resolve_path
from pytest_quant.zoo.resolve import ModelResolver
from pytest_quant.zoo.schema import MODEL_NAME, ZooHead
from pytest_quant.zoo.schema_problems import describe
from pytest_quant.zoo.yaml_lines import Document, KeyPath, read_yaml


@dataclass(frozen=True)
class BrokenModel:
    """A model entry that cannot be used, and the message that says why."""

    name: str
    zoo: Path
    message: str
    line: int = 1
    """Where in the zoo file it goes wrong, counted from 1."""


@dataclass(frozen=True)
class Zoo:
    """A zoo file: its models in the order of the file, and what is wrong with the rest of it."""

    path: Path
    models: tuple[ModelSpec | BrokenModel, ...]
    datasets: Mapping[str, DatasetSpec | None]
    """By name; None for a broken entry."""
    problems: tuple[str, ...] = ()
    """Problems of the file that are not one model's, such as a broken dataset entry."""


def line_in(message: str, path: Path) -> int | None:
    """The line of a file that a message of its reader begins with; None where it names none."""
    found = re.match(rf"{re.escape(shown(path))}:(\d+):", message)
    return None if found is None else int(found[1])


def read_zoo(path: Path, *, max_tolerance_pct: float = MAX_TOLERANCE_PCT, fp32_only: bool = False) -> Zoo:
    """Read and check a ``*.quant.yaml`` file without running anything.

    ``fp32_only``: what the entries say under ``int8`` is not looked at, since it is still to be made: the fp32 net
    stands in its place.
    ``max_tolerance_pct``: a tolerance of this share of its metric's range or more is refused as a unit mistake.
    Raises `ZooError` when the file as a whole is unusable. One broken model or dataset does not stop the others.
    """
    with told_as_internal(shown(path)):
        document = read_yaml(path)
    head = _head(document)
    broken: dict[str, str] = {}
    datasets: dict[str, DatasetSpec | None] = {}
    for name, raw in head.datasets.items():
        try:
            with told_as_internal(document.where(("datasets", str(name)))):
                datasets[str(name)] = _dataset(document, name, raw)
        except (ConfigError, InternalError) as error:
            datasets[str(name)] = None
            broken[str(name)] = str(error)
    resolver = ModelResolver(document, head.defaults, datasets, broken, max_tolerance_pct)
    entries = {name: _without_int8(raw) if fp32_only else raw for name, raw in head.models.items()}
    models = tuple(_model(resolver, document, name, raw) for name, raw in entries.items())
    return Zoo(path, models, datasets, (*broken.values(), *resolver.default_problems()))


def _head(document: Document) -> ZooHead:
    if not isinstance(document.data, Mapping):
        raise ZooError(
            f"{shown(document.path)}: found {'an empty file' if document.data is None else repr(document.data)[:60]}, "
            "expected the keys version, defaults, datasets and models"
        )
    try:
        return ZooHead.model_validate(dict(document.data))
    except ValidationError as error:
        raise ZooError(describe(document, (), ZooHead, error)) from None


def find_model(zoo: Zoo, name: str) -> ModelSpec:
    """The model of that name; raises `ConfigError` where there is none, or its entry cannot be used."""
    found = next((model for model in zoo.models if model.name == name), None)
    if found is None:
        names = [model.name for model in zoo.models]
        raise ConfigError(f"{shown(zoo.path)} has no model {name!r}.{suggestion(name, names)} It has: {listed(names)}")
    if isinstance(found, BrokenModel):
        raise ConfigError(found.message)
    return found


def find_dataset(zoo: Zoo, name: str) -> DatasetSpec:
    """The dataset of that name; raises `ConfigError` where there is none, or its entry cannot be used."""
    if name not in zoo.datasets:
        known = zoo.datasets
        raise ConfigError(
            f"{shown(zoo.path)} has no dataset {name!r}.{suggestion(name, known)} It has: {listed(known)}"
        )
    found = zoo.datasets[name]
    if found is None:
        raise ConfigError("\n".join(zoo.problems))
    return found


def _without_int8(raw: object) -> object:
    if not isinstance(raw, Mapping) or "fp32" not in raw:
        return raw
    fp32 = raw["fp32"]
    if isinstance(fp32, Mapping) and "onnx" in fp32:  # there are no files yet that could stand in its place
        return raw
    return {**raw, "int8": fp32}


def _model(resolver: ModelResolver, document: Document, name: Any, raw: object) -> ModelSpec | BrokenModel:
    try:
        _check_text(document, ("models", str(name)), name)
        if not MODEL_NAME.fullmatch(name):
            raise ConfigError(
                f"{document.where(('models', name))}: found the model name {name!r}, expected a letter or digit "
                "followed by letters, digits, '.', '_', '+' and '-'"
            )
        with told_as_internal(lambda: document.where(("models", name))):
            return resolver.resolve(name, raw)
    except (ConfigError, InternalError) as error:
        line = line_in(str(error), document.path) or document.line(("models", str(name)))
        return BrokenModel(str(name), document.path, str(error), line or 1)


def _check_text(document: Document, keys: KeyPath, name: object) -> None:
    """YAML takes ``2015`` for a number and ``no`` for a truth value."""
    if not isinstance(name, str):
        raise ConfigError(f"{document.where(keys)}: found the name {brief(name)}, expected text: put it in quotes")


def _dataset(document: Document, name: Any, raw: object) -> DatasetSpec:
    keys: KeyPath = ("datasets", str(name))
    _check_text(document, keys, name)
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{document.where(keys)}: found {brief(raw)}, expected the keys of a dataset")
    entry = dict(raw)
    type_name = entry.pop("type", None)
    if type_name not in dataset_types():
        found = "is missing" if type_name is None else f"found {type_name!r}"
        hint = suggestion(str(type_name), dataset_types())
        raise ConfigError(
            f"{document.where((*keys, 'type'))}: {found}, expected one of {listed(dataset_types())}.{hint}"
        )
    options = options_of(type_name)
    waived = _waived(document, keys, entry.pop("waive", {}))
    try:
        for key, field in options.model_fields.items():
            if isinstance(entry.get(key), str):
                if _is_path(field.annotation, entry[key]):
                    entry[key] = _place(document, (*keys, key), entry[key])
                else:
                    entry[key] = expand(entry[key])
    except UnsetVariableError as error:
        missing = (
            f"{document.where((*keys, key))}: the environment variable {error.args[0]} is not set: "
            f"set it to the folder of the dataset `{name}`"
        )
        return DatasetSpec(name, type_name, None, document.path, missing, waive=waived)
    try:
        return DatasetSpec(name, type_name, options.model_validate(entry), document.path, waive=waived)
    except ValidationError as error:
        raise ConfigError(describe(document, keys, options, error)) from None


def _place(document: Document, keys: KeyPath, text: str) -> Path:
    """A path, or what stands for a URL; raises `ConfigError`, and `UnsetVariableError` like `expand`."""
    if not is_url(expand(text)):
        return resolve_path(text, document.path.parent)
    try:
        return url_path(expand(text))
    except ConfigError as error:
        raise ConfigError(f"{document.where(keys)}: {error}") from None


def _waived(document: Document, keys: KeyPath, raw: Any) -> tuple[tuple[str, str], ...]:
    """``waive`` of a dataset; raises `ConfigError`."""
    where = document.where((*keys, "waive"))
    if not isinstance(raw, Mapping) or not all(isinstance(part, str) for item in raw.items() for part in item):
        raise ConfigError(f"{where}: found {brief(raw)}, expected names of sanity checks, each with a reason")
    check_waived(raw, lambda name: document.where((*keys, "waive", name)))
    return tuple(raw.items())


def _is_path(annotation: object, value: str) -> bool:
    """Whether a key of a dataset takes ``value`` as a path: its type is `Path`, or `Path` beside other fixed words."""
    if annotation is Path:
        return True
    kinds = get_args(annotation)
    return Path in kinds and not any(value in get_args(kind) for kind in kinds)
