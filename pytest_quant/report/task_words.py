"""What a report asks a model's task; of one that is not known here (a report from elsewhere) nothing is to be had."""

from __future__ import annotations

import math

from pytest_quant.extending.known import active
from pytest_quant.report.model import ModelEntry
from pytest_quant.spec.errors import ConfigError
from pytest_quant.tasks.base import Task


def _task(model: ModelEntry) -> Task | None:
    tasks = active().tasks
    try:
        return tasks.get(model.task) if model.task in tasks else None
    except ConfigError:  # the process that reports need not have loaded it: it is another by now, or memory is short
        return None


def place(model: ModelEntry | None) -> float:
    """The order of models in the table, as published ones have it; what was not measured comes last."""
    task = None if model is None else _task(model)
    return math.inf if task is None else task.place


def counts_flips(model: ModelEntry, metric: str) -> bool:
    """Whether the flips of a model, of which it has one count, are about a metric."""
    task = _task(model)
    return task is None or task.counts_flips(metric)


def footnote(model: ModelEntry) -> str | None:
    """What one must know of a model's numbers to compare them with others of their kind."""
    task = _task(model)
    return None if task is None or not model.metrics else task.footnote(model.conditions, model.details or {})


def change_text(fp32: float, int8: float, texts: tuple[str, str, str] | None = None) -> str:
    """What a sample that moved adds on both sides, or the texts that both sides read in it: (truth, fp32, int8).

    >>> change_text(1.0, 0.5), change_text(1.0, 0.0, ("JOINT", "JOINT", "J0INT"))
    ('1 -> 0.5', "'JOINT' -> 'J0INT'")
    >>> change_text(0.0, 0.0, ("JOINT", "IOINT", "J0INT"))
    "'IOINT' -> 'J0INT', true: 'JOINT'"
    """
    if texts is None:
        return f"{fp32:g} -> {int8:g}"
    truth, one, other = texts
    return f"{one!r} -> {other!r}" + ("" if truth == one else f", true: {truth!r}")
