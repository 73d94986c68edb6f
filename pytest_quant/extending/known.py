"""The registry of this process, and what everybody asks of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_quant.extending import built_in
from pytest_quant.extending.registry import Registry
from pytest_quant.spec.dataset import ARRAYS, IMAGES
from pytest_quant.spec.errors import ConfigError, DatasetMissingError
from pytest_quant.spec.text import listed, suggestion

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pytest_quant.datasets.base import Dataset
    from pytest_quant.nets.format import NetFormat
    from pytest_quant.spec.dataset import DatasetSpec
    from pytest_quant.spec.metric import Metric
    from pytest_quant.tasks.base import Task


def with_builtins() -> Registry:
    """A new registry that holds what the package itself brings."""
    registry = Registry()
    built_in.pytest_quant_register(registry)
    return registry


_active = [with_builtins()]
_of_thread = threading.local()


def active() -> Registry:
    """The registry in use: of this thread, of the running pytest session, else one that may be added to."""
    found: Registry | None = getattr(_of_thread, "registry", None)
    return _active[-1] if found is None else found


@contextmanager
def in_use(registry: Registry) -> Iterator[Registry]:
    """Use a registry for a while: each pytest session has its own, also one within another."""
    _active.append(registry)
    try:
        yield registry
    finally:
        _active.remove(registry)


@contextmanager
def in_use_here(registry: Registry) -> Iterator[None]:
    """Use a registry for a while in this thread alone: a process may work for several sessions at a time."""
    before: Registry | None = getattr(_of_thread, "registry", None)
    _of_thread.registry = registry
    try:
        yield
    finally:
        _of_thread.registry = before


def get_task(name: str) -> Task:
    """The task of that name; raises `ConfigError` for an unknown one."""
    return active().tasks.get(name)


def task_names() -> tuple[str, ...]:
    """The names of all tasks; loads none."""
    return tuple(active().tasks)


def get_format(name: str) -> NetFormat:
    """The net format of that name; raises `ConfigError` for an unknown one."""
    return active().net_formats.get(name)


def format_names() -> tuple[str, ...]:
    """The names of all net formats; loads none."""
    return tuple(active().net_formats)


def dataset_types() -> tuple[str, ...]:
    """The names of all dataset types; loads none."""
    return tuple(active().datasets)


def taken_by(task: Task) -> tuple[str, ...]:
    """The dataset types that a task takes: those that it names, those that name it, and those without labels."""
    named = (*sorted(task.dataset_types), *(name for name, tasks in active().suited.items() if task.name in tasks))
    without_labels = (IMAGES, ARRAYS) if task.takes_arrays else (IMAGES,)
    return (*(name for name in named if name not in without_labels), *without_labels)


def options_of(dataset_type: str) -> type[BaseModel]:
    """The keys of a dataset type; raises `ConfigError` for an unknown one."""
    return active().datasets.get(dataset_type).options


def open_dataset(spec: DatasetSpec) -> Dataset:
    """Find the samples of a dataset, without reading pixels.

    Raises `DatasetMissingError` when it is not on this machine, `DatasetError` when something is wrong with it.
    """
    if spec.missing is not None:
        raise DatasetMissingError(spec.missing)
    return active().datasets.get(spec.type).open(spec)


def metrics_named(name: str) -> Mapping[str, Metric]:
    """The metric of that name in each task that has it, by the task's name; raises `ConfigError` when none has it."""
    tasks = [get_task(task) for task in task_names()]
    found = {task.name: task.metrics[name] for task in tasks if name in task.metrics}
    if not found:
        known = list(dict.fromkeys(metric for task in tasks for metric in task.metrics))
        raise ConfigError(f"unknown metric {name!r}.{suggestion(name, known)} Known metrics: {listed(known)}")
    return found
