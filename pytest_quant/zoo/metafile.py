"""Published numbers from OpenMMLab's ``metafile.yml`` and ``model-index.yml``.

A metafile lists ``Models``, each with ``Name``, ``Config`` and ``Results``: a list, or one, of ``{Task, Dataset,
Metrics}``. A model-index imports metafiles; their paths are relative to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.spec.errors import ConfigError, ZooError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.paths import is_file
from pytest_quant.spec.text import brief, listed, shown, suggestion
from pytest_quant.spec.whole_file import whole_file
from pytest_quant.zoo.metric_names import DATASET_NAMES, METRIC_NAMES, in_own_unit, is_number, plain
from pytest_quant.zoo.yaml_lines import MAX_BYTES, Document, KeyPath, read_yaml

_EMPTY = (None, "", "-", "N/A")  # what authors leave in the place of a number that is still to come
_NAME_LINE = re.compile(r"""^\s*(?:-\s+)?Name:\s*["']?(?P<name>[^"'#\s]+)""", re.MULTILINE)


@dataclass(frozen=True)
class MetafileModel:
    """A model of a metafile."""

    document: Document
    keys: KeyPath
    """Where it stands in the file."""
    data: Mapping[str, object]

    @property
    def where(self) -> str:
        """File and line, for messages."""
        line = self.document.line(self.keys)
        return f"{shown(self.document.path)}:{line}"

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.data.get("Name"))

    @property
    def config(self) -> Path | None:
        """Its training config, where that lies on this machine: the path is relative to the repository's root."""
        text = self.data.get("Config")
        if not isinstance(text, str):
            return None
        return next((folder / text for folder in self.document.path.parents if is_file(folder / text)), None)


@dataclass(frozen=True)
class PublishedNumber:
    """A number of a metafile, in the metric's own unit, and where it was found."""

    metric: str
    value: float
    source: str
    """File, line, dataset and how it is printed there."""
    converted: bool = False
    """Whether it is printed there in another unit."""


class Metafiles:
    """The metafiles that a zoo file names, each read once."""

    def __init__(self) -> None:
        self._documents: dict[Path, Document] = {}
        self._texts: dict[Path, str] = {}

    def model(self, path: Path, name: str) -> MetafileModel:
        """The model that is called ``name``, by its Name, its Alias or its Config.

        Raises `ConfigError` when the file cannot be read, or has no such model, or more than one.
        """
        found: list[MetafileModel] = []
        unread: list[str] = []
        files = list(self._files(path, unread))
        for file in files:
            if name in self._text(file):  # parsing a hundred files takes seconds
                found += [model for model in self.models(file) if _is_called(model.data, name)]
        exact = [model for model in found if model.data.get("Name") == name]
        found = exact or found
        if len(found) > 1:
            places = listed(model.where for model in found)
            raise ConfigError(f"{shown(path)} has {len(found)} models called {name}, expected one: {places}")
        if not found:
            names = [match["name"] for file in files for match in _NAME_LINE.finditer(self._text(file))]
            also = f" Not read: {'; '.join(unread)}" if unread else ""
            raise ConfigError(
                f"{shown(path)} has no model called {name}, looked for among Name, Alias and Config of its "
                f"{len(files)} metafile(s).{suggestion(name, names)}{also}"
            )
        return found[0]

    def models(self, file: Path) -> list[MetafileModel]:
        """All models of one metafile."""
        document = self._document(file)
        models = _checked_models(document)
        prefix: KeyPath = ("Models",) if isinstance(document.data, Mapping) else ()
        return [
            MetafileModel(document, (*prefix, index), model)
            for index, model in enumerate(models)
            if isinstance(model, Mapping)
        ]

    def unread(self, path: Path) -> list[str]:
        """What of a model-index could not be read, and why: files that it imports and that are not there."""
        unread: list[str] = []
        list(self._files(path, unread))
        return unread

    def called(self, model: MetafileModel) -> str | None:
        """What tells a model apart in its metafile: its Name, else its Config or an Alias; None when nothing does."""
        for name in map(str, (model.data.get("Name"), model.data.get("Config"), *_aliases(model.data))):
            try:
                found = self.model(model.document.path, name)
            except ConfigError:  # absent or there twice
                continue
            if found.keys == model.keys:
                return name
        return None

    def files(self, path: Path) -> list[Path]:
        """The metafiles that a model-index imports, or the metafile itself; those that are not there are left out."""
        return list(self._files(path, []))

    def _files(self, path: Path, unread: list[str]) -> Iterator[Path]:
        data = self._document(path).data
        imports = data.get("Import") if isinstance(data, Mapping) else None
        if imports is None:
            _checked_models(self._document(path))
            yield path
            return
        if not isinstance(imports, list):
            raise ConfigError(f"{shown(path)}: Import: found {brief(imports)}, expected a list of metafiles")
        for item in imports:
            file = path.parent / str(item)
            if is_file(file) and file.resolve() == path.resolve():
                raise ConfigError(f"{shown(path)} is not a metafile: it imports itself")
            if is_file(file):
                yield file
            else:
                unread.append(f"{shown(file)} does not exist")

    def _document(self, path: Path) -> Document:
        if path not in self._documents:
            try:
                self._documents[path] = read_yaml(path)
            except ZooError as error:
                raise ConfigError(str(error)) from None
        return self._documents[path]

    def _text(self, path: Path) -> str:
        if path not in self._texts:
            try:
                self._texts[path] = whole_file(path, MAX_BYTES).decode(errors="replace")
            except OSError as error:
                raise ConfigError(f"{shown(path)}: cannot be read: {error.strerror}") from error
        return self._texts[path]


def _checked_models(document: Document) -> Sequence[object]:
    """The models of a metafile, which may also be the file itself; raises `ConfigError` for any other file."""
    data = document.data
    is_list = isinstance(data, list) and any(isinstance(one, Mapping) and "Name" in one for one in data)
    models = data.get("Models") if isinstance(data, Mapping) else data if is_list else None
    if not isinstance(models, list):
        raise ConfigError(f"{shown(document.path)} is not a metafile: found no list `Models` in it")
    return models


def _is_called(model: Mapping[str, object], name: str) -> bool:
    return name in (model.get("Name"), model.get("Config"), *_aliases(model))


def _aliases(model: Mapping[str, object]) -> list[object]:
    alias = model.get("Alias")
    return alias if isinstance(alias, list) else [alias]


def published_numbers(
    model: MetafileModel, metrics: Mapping[str, Metric], *, dataset_type: str, dataset: str | None
) -> list[PublishedNumber]:
    """The numbers of a model on one dataset, for those of ``metrics`` that have one.

    ``dataset`` is the metafile's own name of the dataset; without it the type of the zoo file's dataset decides.

    Raises `ConfigError` when it has no results on that dataset, none for these metrics, or contradictory ones.
    """
    results = _results(model)
    names = listed(dict.fromkeys(str(result.get("Dataset")) for _, result in results)) or "none"
    if dataset is None and dataset_type not in DATASET_NAMES:
        raise ConfigError(
            f"{model.where}: {model.name} has results on {names}; a dataset of type {dataset_type} does not tell "
            "whether it is one of them: write `dataset` beside `model`"
        )
    wanted = (plain(dataset),) if dataset is not None else DATASET_NAMES[dataset_type]
    fitting = [(keys, result) for keys, result in results if plain(str(result.get("Dataset"))) in wanted]
    if not fitting:
        raise ConfigError(f"{model.where}: {model.name} has no results on {dataset or dataset_type}; it has: {names}")
    found: dict[str, PublishedNumber] = {}
    printed: list[str] = []
    for keys, result in fitting:
        for name, value in _metrics(model, keys, result):
            printed.append(name if value not in _EMPTY else f"{name} (empty)")
            if METRIC_NAMES.get(name) in metrics and value not in _EMPTY:
                _add(found, _number(model, (*keys, "Metrics", name), metrics[METRIC_NAMES[name]], result, value))
    if not found:
        raise ConfigError(
            f"{model.where}: {model.name} has no metric of this task on {dataset or dataset_type}; it has "
            f"{listed(printed) or 'none'}, and {listed(name for name, own in METRIC_NAMES.items() if own in metrics)} "
            "are known"
        )
    return list(found.values())


def _add(found: dict[str, PublishedNumber], number: PublishedNumber) -> None:
    known = found.setdefault(number.metric, number)
    if known.value != number.value:
        raise ConfigError(
            f"{known.source} and {number.source} differ: {known.value:g} and {number.value:g}; write the right one "
            "under `published`"
        )


def _results(model: MetafileModel) -> list[tuple[KeyPath, Mapping[str, object]]]:
    results = model.data.get("Results")
    keys: KeyPath = (*model.keys, "Results")
    if isinstance(results, Mapping):
        return [(keys, results)]
    if not isinstance(results, list) or not all(isinstance(result, Mapping) for result in results):
        raise ConfigError(f"{model.where}: {model.name} has no results: found {brief(results)}, expected a list")
    return [((*keys, index), result) for index, result in enumerate(results)]


def _metrics(model: MetafileModel, keys: KeyPath, result: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    metrics = result.get("Metrics")
    if not isinstance(metrics, Mapping):
        raise ConfigError(f"{model.document.where((*keys, 'Metrics'))}: found {brief(metrics)}, expected metrics")
    yield from ((str(name), value) for name, value in metrics.items())


def _number(
    model: MetafileModel, keys: KeyPath, metric: Metric, result: Mapping[str, object], value: object
) -> PublishedNumber:
    line = f"{shown(model.document.path)}:{model.document.line(keys)}"
    if not is_number(value):
        raise ConfigError(f"{line}: {keys[-1]} of {model.name}: found {brief(value)}, expected a number")
    own, remark = in_own_unit(metric, value)
    source = f"{line}: {keys[-1]} of {model.name} on {result.get('Dataset')}{f', {remark}' if remark else ''}"
    return PublishedNumber(metric.name, own, source, converted=bool(remark))
