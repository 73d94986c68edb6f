"""What a registered thing must have; what it lacks is said when it is registered or first loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_quant.extending.shelf import Origin
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.text import brief, listed

if TYPE_CHECKING:
    from pytest_quant.extending.registry import DatasetType
    from pytest_quant.nets.format import NetFormat
    from pytest_quant.tasks.base import Task

T = TypeVar("T")

_TASK_PARTS = (
    *("name", "metrics", "dataset_types", "preprocess_options", "postprocess_options", "metric_options"),
    *("shard_size", "orient", "place", "usual_tolerances", "footnote", "guessed", "pipeline"),
)


def check_task(task: Any, origin: Origin) -> Task:
    """The task, if it has everything that a `Task` must; raises `ConfigError` naming what it lacks."""
    from pytest_quant.tasks.base import Task

    name = getattr(task, "name", None)
    what = f"{origin.by} registers the task {name if isinstance(name, str) and name else type(task).__name__!r}"
    lacking = [part for part in _TASK_PARTS if not hasattr(task, part)]
    if getattr(type(task), "pipeline", None) is Task.pipeline:
        lacking.append("pipeline")
    if lacking:
        raise ConfigError(
            f"{what}, which lacks {listed(lacking)}: derive it from pytest_quant.tasks.base.Task, which tells them all"
        )
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{what}, whose name is {brief(name)}, expected some text")
    _check_metrics(what, task)
    if not task.dataset_types:
        raise ConfigError(f"{what}, which takes no dataset type: `dataset_types` is empty")
    if not isinstance(task.shard_size, int) or task.shard_size < 1:
        raise ConfigError(f"{what}, whose shard_size is {brief(task.shard_size)}, expected a whole number of 1 or more")
    found: Task = task
    return found


def _check_metrics(what: str, task: Task) -> None:
    metrics = task.metrics
    if not isinstance(metrics, Mapping) or not metrics:
        raise ConfigError(f"{what}, which lacks metrics: expected a mapping of names to Metric, with one at least")
    for key, metric in metrics.items():
        if not isinstance(metric, Metric) or metric.name != key:
            raise ConfigError(f"{what}, whose metric {key!r} is {brief(metric)}, expected a Metric of that name")
    unknown = [name for name in (*task.usual_tolerances, *task.metric_options) if name not in metrics]
    if unknown:
        raise ConfigError(
            f"{what}, whose usual_tolerances or metric_options name {listed(unknown)}; its metrics: {listed(metrics)}"
        )


def check_dataset(name: str, found: DatasetType, origin: Origin) -> DatasetType:
    """The dataset type, if its options are a pydantic model and it can be opened."""
    from pydantic import BaseModel

    if not isinstance(found.options, type) or not issubclass(found.options, BaseModel):
        raise ConfigError(
            f"{origin.by} registers the dataset type {name!r}, whose options are {brief(found.options)}, expected a "
            "class derived from pydantic.BaseModel"
        )
    check_callable("dataset type", name, found.open, origin)
    return found


def check_net_format(name: str, found: Any, origin: Origin) -> NetFormat:
    """The net format, made where its class was given; raises `ConfigError` naming what it lacks."""
    from pydantic import BaseModel

    from pytest_quant.nets.format import NetFormat

    kind: type[object] = found if isinstance(found, type) else type(found)
    what = f"{origin.by} registers the net format {name!r}"
    if hasattr(BaseModel, name):
        raise ConfigError(f"{what}, a name that pydantic needs for itself: give it another")
    if not issubclass(kind, NetFormat):
        raise ConfigError(
            f"{what} with {brief(found)}, expected a class derived from pytest_quant.nets.format.NetFormat"
        )
    lacking = sorted(getattr(kind, "__abstractmethods__", ()))
    if lacking:
        raise ConfigError(f"{what}, which lacks {listed(lacking)}: pytest_quant.nets.format.NetFormat tells them all")
    made: NetFormat = kind() if isinstance(found, type) else found
    return made


def check_callable(kind: str, name: str, found: Callable[..., T], origin: Origin) -> Callable[..., T]:
    """``found``, if it can be called."""
    if not callable(found):
        raise ConfigError(f"{origin.by} registers the {kind} {name!r} with {brief(found)}, expected a function")
    return found
