"""What a report asks a model's task; of one that is not known here (a report from elsewhere) nothing is to be had."""

from __future__ import annotations

import math

from pytest_quant.extending.known import active
from pytest_quant.report.model import ModelEntry
from pytest_quant.tasks.base import Task


def _task(model: ModelEntry) -> Task | None:
    tasks = active().tasks
    return tasks.get(model.task) if model.task in tasks else None


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
    return None if task is None else task.footnote(model.conditions, model.details or {})
