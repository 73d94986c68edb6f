"""One model entry becomes a `ModelSpec`: paths made absolute, options validated by their task, limits with units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import BaseModel

from pytest_quant.evaluation.conditions import condition_names
from pytest_quant.extending.known import get_task, metrics_named, taken_by, task_names
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.judging.limits.written import known_metric
from pytest_quant.spec.dataset import DatasetSpec, RescueSpec
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import brief, listed, suggestion
from pytest_quant.tasks.base import Task
from pytest_quant.tasks.optional import ReadsConfig
from pytest_quant.zoo.draft import to_fill_in
from pytest_quant.zoo.entry_input import model_input
from pytest_quant.zoo.entry_limits import (
    check_conditions,
    check_excused,
    check_switches,
    check_without_labels,
    limits_of,
    located,
)
from pytest_quant.zoo.entry_nets import nets_of, with_checked_nets
from pytest_quant.zoo.existing import Completed, ExistingDescriptions
from pytest_quant.zoo.net_entries import NetEntries, entry_class
from pytest_quant.zoo.places import Places
from pytest_quant.zoo.schema import Defaults, RescueEntry
from pytest_quant.zoo.yaml_lines import Document, KeyPath


class ModelResolver:
    """What the entries of one zoo file share: its datasets and defaults, and where things stand in it."""

    def __init__(
        self,
        document: Document,
        defaults: Defaults,
        datasets: Mapping[str, DatasetSpec | None],
        broken: Mapping[str, str],  # by the name of a dataset that is None: what is wrong with its entry
        max_tolerance_pct: float,
    ) -> None:
        self._places = Places(document)
        self._defaults = defaults
        self._datasets = datasets
        self._broken = broken
        self._max_tolerance_pct = max_tolerance_pct
        self._existing = ExistingDescriptions(self._places, datasets, max_tolerance_pct)
        self._tasks: dict[str, Task] = {}

    def default_problems(self) -> Iterator[str]:
        """What is wrong with ``defaults``, once the models are resolved: metrics that no task has, bad amounts."""
        for name, raw in self._defaults.tolerance.items():
            try:
                for metric in self._metrics_named(name):
                    Tolerance.parse(metric, raw, self._max_tolerance_pct)
            except ConfigError as error:
                yield f"{self._places.where(('defaults', 'tolerance', name))}: {error}"

    def _metrics_named(self, name: str) -> list[Metric]:
        """The metric of that name in the tasks of the file's models, else in all tasks, which are many to load."""
        found = [task.metrics[name] for task in self._tasks.values() if name in task.metrics]
        return found or list(metrics_named(name).values())

    def resolve(self, name: str, raw: object) -> ModelSpec:
        """The model `name`; raises `ConfigError` with every problem that can be told at once."""
        keys: KeyPath = ("models", name)
        if not isinstance(raw, Mapping):
            raise ConfigError(f"{self._places.where(keys)}: found {brief(raw)}, expected the keys of a model")
        self._check_filled_in(keys, raw)
        completed = self._existing.complete(keys, raw)
        try:
            model = self._model(keys, name, completed)
        except ConfigError as error:
            raise ConfigError("\n".join([str(error), *completed.background])) from None
        return located(self._places.document, keys, model)

    def _check_filled_in(self, keys: KeyPath, raw: Mapping[str, object]) -> None:
        places = listed(".".join(place) for place in to_fill_in(raw))
        if places:
            raise ConfigError(f"{self._places.where(keys)}: still to be filled in: {places}")

    def _model(self, keys: KeyPath, name: str, completed: Completed) -> ModelSpec:
        places = self._places
        entry = places.validated(keys, entry_class(), completed.entry)
        task = self._task(keys, entry.task)
        nets, unusable = nets_of(places, keys, entry)
        dataset = self._dataset(keys, task, entry.dataset)
        model = ModelSpec(
            name=name,
            zoo=places.document.path,
            task=task.name,
            dataset=dataset,
            nets=nets,
            unusable=unusable,
            input=model_input(places, keys, entry, task, dataset),
            outputs=(entry.output,) if isinstance(entry.output, str) else tuple(entry.output),
            preprocess=places.validated((*keys, "preprocess"), task.preprocess_options, entry.preprocess),
            postprocess=places.validated(
                (*keys, "postprocess"),
                task.postprocess_options,
                places.with_files((*keys, "postprocess"), task.postprocess_options, entry.postprocess),
            ),
            metric_options=metric_options(places, keys, task, entry.metric),
            limits=limits_of(
                places, keys, task, entry, nets, self._defaults.tolerance, self._max_tolerance_pct, dataset
            ),
            samples=entry.samples,
            runtime=entry.runtime,
            xfail=entry.xfail,
            notes=tuple(completed.notes),
            remarks=tuple(completed.remarks),
        )
        if entry.rescue is not None:
            model = replace(model, rescue=self._rescue((*keys, "rescue"), task, model, entry.rescue))
        if entry.config is not None:
            model = self._with_config(keys, task, model, entry.config)
        model = with_checked_nets(places, keys, entry, model)
        _check_cases(places, keys, task, model)
        return model

    def _with_config(self, keys: KeyPath, task: Task, model: ModelSpec, text: str) -> ModelSpec:
        """The model with what its training config file says of conditions."""
        where: KeyPath = (*keys, "config")
        if not isinstance(task, ReadsConfig):
            raise ConfigError(
                f"{self._places.where(where)}: nothing of a training config is read for the task {task.name}: "
                "remove the key"
            )
        path = self._places.file(where, text)
        conditions = self._places.located(where, task.config_conditions, path)
        return replace(model, config=path, config_conditions=conditions)

    def _rescue(self, keys: KeyPath, task: Task, model: ModelSpec, entry: RescueEntry) -> RescueSpec:
        """What a repair is searched on: a dataset of the file that is not the model's own, or images."""
        _check_repairs(self._places, keys, model)
        if (entry.dataset is None) == (entry.images is None):
            raise ConfigError(
                f"{self._places.where(keys)}: expected either `images`, a folder or a list of images, or `dataset`, "
                "a labelled dataset of this file"
            )
        if entry.images is not None:
            images, missing = NetEntries(self._places.document, self._places.file).images(
                (*keys, "images"), entry.images
            )
            return RescueSpec(images, entry.samples, missing)
        dataset = self._dataset(keys, task, str(entry.dataset))
        if dataset.name == model.dataset.name:
            raise ConfigError(
                f"{self._places.where((*keys, 'dataset'))}: found {dataset.name!r}, on which the model is evaluated: "
                "a repair that was chosen on the samples it is judged on proves nothing; name another dataset"
            )
        return RescueSpec(dataset, entry.samples)

    def _task(self, keys: KeyPath, name: str) -> Task:
        if name not in task_names():
            raise ConfigError(
                f"{self._places.where((*keys, 'task'))}: found {name!r}, expected one of {listed(task_names())}."
                f"{suggestion(name, task_names())}"
            )
        task = self._tasks[name] = get_task(name)
        return task

    def _dataset(self, keys: KeyPath, task: Task, name: str) -> DatasetSpec:
        where = self._places.where((*keys, "dataset"))
        if name not in self._datasets:
            known = listed(self._datasets) or "none"
            raise ConfigError(
                f"{where}: found {name!r}, which `datasets` does not declare."
                f"{suggestion(name, self._datasets)} Declared: {known}"
            )
        dataset = self._datasets[name]
        if dataset is None:
            raise ConfigError(f"{where}: the dataset `{name}` is broken: {self._broken[name]}")
        taken = taken_by(task)
        if dataset.type not in taken:
            raise ConfigError(
                f"{where}: the dataset `{name}` is of type {dataset.type}, "
                f"the task {task.name} takes {listed(sorted(taken))}"
            )
        return dataset


def _check_repairs(places: Places, keys: KeyPath, model: ModelSpec) -> None:
    """Raise `ConfigError` for a model that is fed arrays."""
    if model.input.arrays:
        raise ConfigError(
            f"{places.where(keys)}: a repair is searched on images, and this model is fed arrays: remove the key"
        )


def _check_cases(places: Places, keys: KeyPath, task: Task, model: ModelSpec) -> None:
    """Raise `ConfigError` for a case that the model cannot have."""
    pipeline = places.located(keys, task.pipeline, model)
    check_without_labels(places, keys, model, pipeline)
    check_conditions(places, keys, model, condition_names(model, pipeline))
    check_excused(places, keys, model)
    check_switches(places, keys, model, pipeline.conditions())


def metric_options(
    places: Places, keys: KeyPath, task: Task, raw: Mapping[str, Mapping[str, object]]
) -> dict[str, BaseModel]:
    """The options of each metric of the task that has some; raises `ConfigError` for a metric that it does not have."""
    for name in raw:
        known_metric(task.name, task.metrics, name, places.where((*keys, "metric", name)))
    return {
        name: places.validated((*keys, "metric", name), options, raw.get(name, {}))
        for name, options in task.metric_options.items()
    }
