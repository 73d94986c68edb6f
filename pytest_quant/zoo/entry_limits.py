"""The limits of a model entry, and the names in it that must be those of conditions and cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_quant.evaluation.without_labels import can_compare_answers, wants_agreement
from pytest_quant.judging.limits import limit_classes
from pytest_quant.judging.limits.base import judged
from pytest_quant.judging.limits.baseline import NoWorse
from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.written import Keys, Written
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import WITHOUT_LABELS
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net, NetSpec
from pytest_quant.spec.text import listed, suggestion
from pytest_quant.tasks.base import Pipeline, Task
from pytest_quant.zoo.places import Places
from pytest_quant.zoo.schema import ModelEntry
from pytest_quant.zoo.yaml_lines import Document, KeyPath


def limits_of(
    places: Places,
    keys: KeyPath,
    task: Task,
    entry: ModelEntry,
    nets: Mapping[Net, NetSpec],
    default_tolerance: Mapping[str, object],
    max_tolerance_pct: float,
    dataset: DatasetSpec,
) -> tuple[Limit, ...]:
    """All limits of the entry at ``keys``: those it asks for, then those that come along with its files.

    Raises `ConfigError` for one that cannot be used, and when nothing could fail.
    """

    def in_entry(own: Keys) -> str:
        return places.where((*keys, *own))

    def in_defaults(own: Keys) -> str:
        return places.where(("defaults", *own))

    takes_labels = not dataset.is_unlabelled and any(name not in WITHOUT_LABELS for name in task.metrics)
    if not takes_labels:
        default_tolerance = {}
    written = Written(entry, nets, default_tolerance, task.name, task.metrics, in_entry, in_defaults, max_tolerance_pct)
    asked: list[Limit] = []
    for kind in limit_classes():
        if kind.stands_alone:
            asked += kind.of_entry(written, ())
    if not takes_labels:
        _check_needs_no_labels(places, keys, asked, task, dataset)
    if not asked:
        raise ConfigError(
            f"{places.where(keys)}: has no limit at all, so nothing could fail: give it a tolerance, "
            "a floor, a published value, a required condition, a size or a speedup"
        )
    others = [limit for kind in limit_classes() if not kind.stands_alone for limit in kind.of_entry(written, asked)]
    return (*asked, *others)


def located(document: Document, keys: KeyPath, model: ModelSpec) -> ModelSpec:
    """The model with the lines of its entry, and of its limits: their keys in it, else in ``defaults``."""
    found = {}
    for limit in map(judged, model.limits):
        own, default = (*keys, *limit.keys), ("defaults", *limit.keys)
        line = document.line(default if document.has(default) and not document.has(own) else own)
        if line is not None:
            found[limit.name] = line
    return replace(model, line=document.line(keys) or 1, lines=found)


def _check_needs_no_labels(
    places: Places, keys: KeyPath, limits: Sequence[Limit], task: Task, dataset: DatasetSpec
) -> None:
    """Without labels a net is held against fp32 alone."""
    who = f"the dataset `{dataset.name}` of type {dataset.type}" if dataset.is_unlabelled else f"the task {task.name}"
    for limit in limits:
        if limit.metric is not None and not (isinstance(limit, Floor) and limit.metric.name in WITHOUT_LABELS):
            raise ConfigError(
                f"{places.where(keys)}: {limit.name} takes labels, and {who} has none: the limits on a metric there "
                f"are floors of {' and '.join(WITHOUT_LABELS)}, such as `floor: {{agreement: 97, sqnr_db: 20}}`"
            )


def check_without_labels(places: Places, keys: KeyPath, model: ModelSpec, pipeline: Pipeline) -> None:
    """Raise `ConfigError` where a limit takes fp32's answers for a truth, and the task cannot do that."""
    if wants_agreement(model) and not can_compare_answers(pipeline):
        raise ConfigError(
            f"{places.where((*keys, 'floor', 'agreement'))}: the task {model.task} cannot score int8 with fp32's "
            "answers as the truth; sqnr_db, of the raw outputs, takes no truth at all"
        )


def check_conditions(places: Places, keys: KeyPath, model: ModelSpec, names: Sequence[str]) -> None:
    """Raise `ConfigError` for a required condition that the evaluation does not have."""
    for limit in map(judged, model.limits):
        problem = limit.unknown_in(model.task, None, names)
        if problem is not None:
            raise ConfigError(f"{places.where((*keys, *limit.keys))}: {problem}")


def check_switches(places: Places, keys: KeyPath, model: ModelSpec, conditions: Mapping[str, object]) -> None:
    """Raise `ConfigError` for a condition that is true or false and required to be something else."""
    for limit in map(judged, model.limits):
        problem = limit.wrong_type(conditions)
        if problem is not None:
            raise ConfigError(f"{places.where((*keys, *limit.keys))}: {problem}")


def check_excused(places: Places, keys: KeyPath, model: ModelSpec) -> None:
    """Raise `ConfigError` for a name under ``xfail`` that is not a case of the model, or has no reason."""
    cases = tuple(limit.name for limit in (*model.limits, *NoWorse.of_limits(model.limits, 0)))
    for name, reason in model.xfail.items():
        where = places.where((*keys, "xfail", name))
        if not reason.strip():
            raise ConfigError(
                f"{where}: found no reason, expected why the limit is known to be broken, such as the link of an issue"
            )
        if name not in cases:
            raise ConfigError(
                f"{where}: the model has no case {name!r}.{suggestion(name, cases)} Its cases: {listed(cases)}"
            )
