"""The metrics of the built-in tasks, by name."""

from __future__ import annotations

from pytest_quant.extending.known import with_builtins

_TASKS = with_builtins().tasks
METRICS = {name: metric for task in _TASKS for name, metric in _TASKS.get(task).metrics.items()}
