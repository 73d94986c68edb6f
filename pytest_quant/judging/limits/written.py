"""What users wrote, as the kinds of limits read it: an entry of a zoo file, or a keyword of a marker."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import Metric, metrics_without_labels
from pytest_quant.spec.net import Net, NetSpec
from pytest_quant.spec.text import listed, suggestion

MAX_TOLERANCE_PCT = 10.0
"""A tolerance of this share of the metric's range or more is taken for a unit mistake."""

_COCO_NAME = re.compile(r"^(AP|AR)[@ ]?0?\.(\d+)$")
"""How COCO's papers and mmpose write AP50: ``AP.5``, ``AP@0.5``."""

_NO_OTHERS: Mapping[str, Metric] = {}

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """A model's entry in a zoo file, its keys validated one by one."""

    entry: object
    """With the entry's keys as attributes."""
    nets: Mapping[Net, NetSpec]
    """The nets of the entry, by name."""
    default_tolerance: Mapping[str, object]
    """``defaults.tolerance`` of the file."""
    task: str
    metrics: Mapping[str, Metric]
    """Those of the task."""
    place: Callable[[Keys], str]
    """Keys of the entry to file, line and key."""
    default_place: Callable[[Keys], str]
    """The same for keys of ``defaults``."""
    max_tolerance_pct: float = MAX_TOLERANCE_PCT

    def get(self, key: str) -> Any:
        """The value of a key, as its type in `JudgedLimit.zoo_keys` has it."""
        return getattr(self.entry, key)

    def of_nets(self, key: str) -> Iterator[tuple[Net, Keys, Mapping[str, Any]]]:
        """What a key says of each further net: the net, where its entry stands, and metric to value."""
        short = self.get("onnx_int8")
        entries = {**({} if short is None else {"onnx_int8": short}), **self.get("nets")}
        for net, entry in entries.items():
            keys = ("onnx_int8",) if entry is short else ("nets", net)
            yield net, keys, getattr(entry, key)

    def metric(self, name: str, place: str) -> Metric:
        """A metric of the task; raises `ConfigError` for another name."""
        return known_metric(self.task, self.metrics, name, place)

    def floor_metric(self, name: str, place: str) -> Metric:
        """Likewise, or one of the two that every task has."""
        return known_metric(self.task, self.metrics, name, place, metrics_without_labels(self.metrics))


def known_metric(
    task: str, metrics: Mapping[str, Metric], name: str, place: str, others: Mapping[str, Metric] = _NO_OTHERS
) -> Metric:
    """The metric of that name of a task that has these, or of ``others``; raises `ConfigError` for another name."""
    if name in others:
        return others[name]
    if name not in metrics:
        meant = _COCO_NAME.sub(lambda match: f"{match[1]}{match[2].ljust(2, '0')}", name)
        raise ConfigError(
            f"{place}: the task {task} has no metric {name!r}.{suggestion(meant, metrics)} "
            f"Its metrics: {listed(metrics)}"
        )
    return metrics[name]


@dataclass(frozen=True)
class Keyword:
    """One keyword of a marker, such as ``top1=1.0``."""

    marker: str
    name: str
    value: object
    max_tolerance_pct: float = MAX_TOLERANCE_PCT

    @property
    def place(self) -> str:
        """What messages put in front."""
        return f"@{self.marker}({self.name}=...)"


@contextmanager
def placed(place: str) -> Iterator[None]:
    """Put the place in front of what is wrong with a value."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None


def named(metric: Metric | None) -> Metric:
    """The metric of a keyword that names one; raises `TypeError` without."""
    if metric is None:
        raise TypeError("the keyword names a metric, and none was given")
    return metric
