"""The conditions of an evaluation: what the report shows beside a number, and what ``require`` can name."""

from __future__ import annotations

from typing import Any

from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Pipeline


def condition_names(pipeline: Pipeline) -> tuple[str, ...]:
    """The names that `conditions` gives, known before anything is evaluated."""
    return ("runtime", "seed", "samples", "total", *pipeline.conditions())


def conditions(model: ModelSpec, pipeline: Pipeline, *, seed: int, samples: int, total: int) -> dict[str, Any]:
    """Condition name to value, plain JSON: the runtime, which of the dataset's samples, and what the task adds."""
    return {
        "runtime": model.runtime,
        "seed": seed,
        "samples": samples,
        "total": total,
        **pipeline.conditions(),
    }
