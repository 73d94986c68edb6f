"""What the markers of one test in Python say, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_quant.plugin.markers import LIMIT_MARKERS
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Limit, Requirement, floor_limit, requirement_limit, tolerance_limit
from pytest_quant.spec.limits import parse_floor, parse_tolerance
from pytest_quant.spec.metric import METRICS, Metric
from pytest_quant.spec.text import listed, suggestion


@dataclass(frozen=True)
class Marked:
    """What the markers of one test say."""

    models: tuple[str, ...] | None
    """Names of models; None: every model whose task has the metrics."""
    limits: tuple[Limit, ...] = ()
    needs_onnx: bool = False
    """Whether the test takes the model's ONNX file, by a fixture."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that the limits are about."""
        return tuple(dict.fromkeys(limit.metric for limit in self.limits if limit.metric is not None))


def read_markers(marks: Iterable[pytest.Mark], max_tolerance_pct: float) -> Marked:
    """Check and merge markers, closest to the test first: of two that name the same thing the closest holds.

    Raises `ConfigError` naming the marker and its argument.
    """
    names: tuple[str, ...] | None = None
    arguments: dict[str, dict[str, Any]] = {marker: {} for marker in LIMIT_MARKERS}
    for mark in marks:
        if mark.name == "quant_model":
            names = names or _model_names(mark)
        elif mark.name in arguments:
            arguments[mark.name] = {**_keywords(mark), **arguments[mark.name]}
    return Marked(names, tuple(_limits(arguments, max_tolerance_pct)))


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


def _keywords(mark: pytest.Mark) -> Mapping[str, Any]:
    if mark.args:
        example = {"quant_tolerance": "top1=1.0", "quant_floor": "top1=94.0"}.get(mark.name, "flip_test=False")
        raise ConfigError(
            f"@{mark.name}: found the positional argument {mark.args[0]!r}, expected keywords only, "
            f"such as @{mark.name}({example})"
        )
    if not mark.kwargs:
        raise ConfigError(f"@{mark.name}: found no argument, so it limits nothing")
    return mark.kwargs


def _limits(arguments: Mapping[str, Mapping[str, Any]], max_tolerance_pct: float) -> Iterator[Limit]:
    for name, raw in arguments["quant_tolerance"].items():
        metric = _metric("quant_tolerance", name)
        with _located("quant_tolerance", name):
            yield tolerance_limit(parse_tolerance(metric, raw, max_tolerance_pct))
    for name, raw in arguments["quant_floor"].items():
        metric = _metric("quant_floor", name)
        with _located("quant_floor", name):
            yield floor_limit(parse_floor(metric, raw))
    for name, value in arguments["quant_require"].items():
        yield requirement_limit(Requirement(name, value))


def _metric(marker: str, name: str) -> Metric:
    if name not in METRICS:
        raise ConfigError(
            f"@{marker}: unknown metric {name!r}.{suggestion(name, METRICS)} Known metrics: {listed(METRICS)}"
        )
    return METRICS[name]


@contextmanager
def _located(marker: str, name: str) -> Iterator[None]:
    """Put the marker and its argument in front of what is wrong with the value."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"@{marker}({name}=...): {error}") from None
