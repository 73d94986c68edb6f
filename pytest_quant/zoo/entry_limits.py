"""The limits of a model entry, and the names in it that must be those of conditions and cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_quant.judging.limits import limit_classes
from pytest_quant.judging.limits.base import judged
from pytest_quant.judging.limits.baseline import NoWorse
from pytest_quant.judging.limits.written import Keys, Written
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net, NetSpec
from pytest_quant.spec.text import listed, suggestion
from pytest_quant.tasks.base import Task
from pytest_quant.zoo.places import Places
from pytest_quant.zoo.schema import ModelEntry
from pytest_quant.zoo.yaml_lines import KeyPath


def limits_of(
    places: Places,
    keys: KeyPath,
    task: Task,
    entry: ModelEntry,
    nets: Mapping[Net, NetSpec],
    default_tolerance: Mapping[str, object],
    max_tolerance_pct: float,
) -> tuple[Limit, ...]:
    """All limits of the entry at ``keys``: those it asks for, then those that come along with its files.

    Raises `ConfigError` for one that cannot be used, and when nothing could fail.
    """

    def in_entry(own: Keys) -> str:
        return places.where((*keys, *own))

    def in_defaults(own: Keys) -> str:
        return places.where(("defaults", *own))

    written = Written(entry, nets, default_tolerance, task.name, task.metrics, in_entry, in_defaults, max_tolerance_pct)
    asked: list[Limit] = []
    for kind in limit_classes():
        if kind.stands_alone:
            asked += kind.of_entry(written, ())
    if not asked:
        raise ConfigError(
            f"{places.where(keys)}: has no limit at all, so nothing could fail: give it a tolerance, "
            "a floor, a published value or a required condition"
        )
    others = [limit for kind in limit_classes() if not kind.stands_alone for limit in kind.of_entry(written, asked)]
    return (*asked, *others)


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
