"""What the markers of one test in Python say, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest

from pytest_quant.extending.known import metrics_named
from pytest_quant.judging.limits import limit_classes
from pytest_quant.judging.limits.base import JudgedLimit
from pytest_quant.judging.limits.written import Keyword, placed
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import WITHOUT_LABELS, Metric, metrics_without_labels
from pytest_quant.spec.text import listed
from pytest_quant.tasks.base import Task


@dataclass(frozen=True)
class Marked:
    """What the markers of one test say."""

    models: tuple[str, ...] | None
    """Names of models; None: every model whose task has the metrics."""
    keywords: tuple[Keyword, ...] = ()
    """One per limit, in the order of the kinds."""
    needs_onnx: bool = False
    """Whether the test takes the model's ONNX file, by a fixture."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics that the limits are about and that a task may lack."""
        named = (key for key in self.keywords if _kind(key).keyword_is_metric and not _every_task_has(key))
        return tuple(dict.fromkeys(key.name for key in named))

    def limits(self, metrics: Mapping[str, Metric]) -> tuple[JudgedLimit, ...]:
        """The limits for a model whose task has these metrics; raises `ConfigError` naming marker and argument."""
        return tuple(_kind(key).of_keyword(key, _all_for(key, metrics).get(key.name)) for key in self.keywords)

    def check(self, tasks: Iterable[Task]) -> None:
        """Raise `ConfigError` for a value that is not a limit, and for a metric that no task has.

        ``tasks`` are those at hand; all others are loaded only for a metric that none of them has.
        """
        known = list(tasks)
        for key in self.keywords:
            if _kind(key).keyword_is_metric and not _every_task_has(key):  # its unit is that of the task
                for metric in _metrics_named(key, known):
                    _kind(key).of_keyword(key, metric)


def _metrics_named(key: Keyword, tasks: Iterable[Task]) -> list[Metric]:
    found = [task.metrics[key.name] for task in tasks if key.name in task.metrics]
    with placed(f"@{key.marker}"):
        return found or list(metrics_named(key.name).values())


def _every_task_has(key: Keyword) -> bool:
    return _kind(key).takes_no_labels and key.name in WITHOUT_LABELS


def _all_for(key: Keyword, metrics: Mapping[str, Metric]) -> Mapping[str, Metric]:
    """The metrics of a task that a keyword can name."""
    return {**metrics, **metrics_without_labels(metrics)} if _kind(key).takes_no_labels else metrics


def _kinds() -> dict[str, type[JudgedLimit]]:
    """The kinds of limits that a marker can ask for, by the marker."""
    return {kind.marker: kind for kind in limit_classes() if kind.marker is not None}


def _kind(key: Keyword) -> type[JudgedLimit]:
    return _kinds()[key.marker]


def read_markers(marks: Iterable[pytest.Mark], max_tolerance_pct: float) -> Marked:
    """Check and merge markers, closest to the test first: of two that name the same thing the closest holds.

    Raises `ConfigError` naming the marker and its argument.
    """
    names: tuple[str, ...] | None = None
    arguments: dict[str, dict[str, object]] = {marker: {} for marker in _kinds()}
    for mark in marks:
        if mark.name == "quant_model":
            names = names or _model_names(mark)
        elif mark.name in arguments:
            arguments[mark.name] = {**_keywords(mark), **arguments[mark.name]}
    return Marked(
        names,
        tuple(
            Keyword(marker, name, value, max_tolerance_pct)
            for marker, values in arguments.items()
            for name, value in values.items()
        ),
    )


def _model_names(mark: pytest.Mark) -> tuple[str, ...]:
    if mark.kwargs:
        raise ConfigError(
            f"@quant_model: found the keyword {listed(sorted(mark.kwargs))}, expected names of models only"
        )
    if not mark.args:
        raise ConfigError("@quant_model: found no name, expected one or more; leave the marker out for every model")
    for name in mark.args:
        if not isinstance(name, str):
            raise ConfigError(f"@quant_model: found {name!r} ({type(name).__name__}), expected the name of a model")
    return tuple(dict.fromkeys(mark.args))


def _keywords(mark: pytest.Mark) -> Mapping[str, object]:
    if mark.args:
        example = _kinds()[mark.name].marker_example
        raise ConfigError(
            f"@{mark.name}: found the positional argument {mark.args[0]!r}, expected keywords only, "
            f"such as @{mark.name}({example})"
        )
    if not mark.kwargs:
        raise ConfigError(f"@{mark.name}: found no argument, so it limits nothing")
    return mark.kwargs
