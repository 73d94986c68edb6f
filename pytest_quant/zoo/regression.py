"""Tolerances from mmdeploy's regression files (``tests/regression/*.yml``).

``globals.metric_info`` holds, by a metric's name in metafiles, ``metric_key`` (its name in the evaluation's output),
``tolerance`` and ``multi_value``, the factor from the evaluation's number to the metafile's. mmdeploy asks for
evaluated * multi_value >= published - tolerance: the unit is the metafile's, whatever the comment beside it says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.spec.errors import ConfigError, ZooError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.text import brief, listed, shown
from pytest_quant.zoo.metric_names import METRIC_NAMES, is_number, plain, scaled
from pytest_quant.zoo.yaml_lines import Document, read_yaml


@dataclass(frozen=True)
class RegressionTolerance:
    """A tolerance of a regression file, in the metric's own unit."""

    metric: str
    amount: float
    source: str
    """Where it stands, and how it is printed there with its unit."""
    refused: str | None
    """Why a zoo file would not take it; None when it does."""


def read_regression(path: Path) -> Document:
    """Read a regression file; raises `ConfigError` for any other file."""
    try:
        document = read_yaml(path)
    except ZooError as error:
        raise ConfigError(str(error)) from None
    if not isinstance(_metric_info(document), Mapping):
        raise ConfigError(f"{shown(path)} is not a regression file of mmdeploy: found no `globals.metric_info` in it")
    return document


def is_regression(data: object) -> bool:
    """Whether the content of a YAML file is a regression file's."""
    return isinstance(data, Mapping) and isinstance(data.get("globals"), Mapping) and "metric_info" in data["globals"]


def tolerances(
    document: Document, metrics: Mapping[str, Metric], max_tolerance_pct: float, dataset: str | None = None
) -> list[RegressionTolerance]:
    """The tolerances for those of ``metrics`` that the file names.

    ``dataset`` is the file's own name of the dataset that the tolerances are meant for: one that it does not have is a
    mistake. A metric stands in the file once, so its tolerance is taken whichever dataset stands beside it.

    Raises `ConfigError` for a damaged entry, when the file does not name ``dataset``, and when it has nothing for these
    metrics.
    """
    info: Mapping[object, object] = _metric_info(document)
    if dataset is not None:
        _check_dataset(document, info, dataset)
    own = {str(name): metrics[METRIC_NAMES[str(name)]] for name in info if METRIC_NAMES.get(str(name)) in metrics}
    if not own:
        known = listed(name for name, metric in METRIC_NAMES.items() if metric in metrics)
        raise ConfigError(
            f"{document.where(('globals', 'metric_info'))}: has {listed(map(str, info)) or 'nothing'}, none of which "
            f"is a metric of this task: {known}"
        )
    return [_tolerance(document, name, info[name], metric, max_tolerance_pct) for name, metric in own.items()]


def overrides(document: Document) -> list[str]:
    """The pipelines that set a ``metric_tolerance`` of their own, which is not read here."""
    return list(_overrides(document.data, ()))


def _overrides(value: object, keys: tuple[str, ...]) -> Iterator[str]:
    if len(keys) > 4:  # pipelines lie at most that deep
        return
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if key == "metric_tolerance":
            yield ".".join(keys)
        else:
            yield from _overrides(item, (*keys, str(key)))


def _metric_info(document: Document) -> Any:
    data = document.data
    return data["globals"]["metric_info"] if is_regression(data) else None


def _check_dataset(document: Document, info: Mapping[object, object], dataset: str) -> None:
    entries = [entry for entry in info.values() if isinstance(entry, Mapping)]
    named = [one for entry in entries for one in _as_list(entry.get("dataset"))]
    if plain(dataset) not in map(plain, named):
        found = listed(dict.fromkeys(named)) or "none, so leave out `dataset`"
        raise ConfigError(
            f"{document.where(('globals', 'metric_info'))}: has no tolerance for the dataset {dataset}; its datasets: "
            f"{found}"
        )


def _as_list(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one) for one in values if one is not None]


def _tolerance(
    document: Document, name: str, entry: object, metric: Metric, max_tolerance_pct: float
) -> RegressionTolerance:
    if not isinstance(entry, Mapping):
        where = document.where(("globals", "metric_info", name))
        raise ConfigError(f"{where}: found {brief(entry)}, expected metric_key and tolerance")
    where = document.where(("globals", "metric_info", name, "tolerance"))
    raw, factor = entry.get("tolerance"), entry.get("multi_value", 1)
    if not is_number(raw) or not math.isfinite(raw):
        raise ConfigError(f"{where}: found {brief(raw)}, expected a number")
    if factor not in (1, 100):
        raise ConfigError(
            f"{where}: multi_value is {brief(factor)}, expected 1 (the metafile's unit is the evaluation's) or 100 "
            "(it is percent)"
        )
    in_percent = metric.unit == "%" or factor == 100
    amount = scaled(raw, -2) if in_percent and metric.unit == "fraction" else raw
    unit = "percentage points" if in_percent else "of a fraction"
    converted = f", here {amount:g}" if amount != raw else ""
    source = f"{where}: {raw:g} ({unit}{converted}; metric_key {entry.get('metric_key')})"
    return RegressionTolerance(metric.name, amount, source, _refusal(metric, amount, max_tolerance_pct))


def _refusal(metric: Metric, amount: float, max_tolerance_pct: float) -> str | None:
    try:
        Tolerance.parse(metric, amount, max_tolerance_pct)
    except ConfigError as error:
        return str(error)
    return None
