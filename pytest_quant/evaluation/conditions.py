"""The conditions of an evaluation: what the report shows beside a number, and what ``require`` can name."""

from __future__ import annotations

from typing import Any

from pytest_quant.extending.known import get_format
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Pipeline

_INT8 = "int8_"
"""Before the names of conditions that are about how the int8 net is run."""


def condition_names(model: ModelSpec, pipeline: Pipeline) -> tuple[str, ...]:
    """The names that `conditions` gives, known before anything is evaluated."""
    of_int8 = (f"{_INT8}{name}" for name in get_format(model.nets["int8"].format).condition_names)
    return ("runtime", "seed", "samples", "total", *of_int8, *pipeline.conditions())


def conditions(model: ModelSpec, pipeline: Pipeline, *, seed: int, samples: int, total: int) -> dict[str, Any]:
    """Condition name to value, plain JSON: the runtime, which of the dataset's samples, and what the task adds.

    Of a model whose files are there also how its int8 net is run.
    """
    return {
        "runtime": model.runtime,
        "seed": seed,
        "samples": samples,
        "total": total,
        **_of_int8(model),
        **pipeline.conditions(),
    }


def _of_int8(model: ModelSpec) -> dict[str, Any]:
    spec = model.nets["int8"]
    if not spec.is_built:
        return {}
    return {f"{_INT8}{name}": value for name, value in get_format(spec.format).conditions(model.net("int8")).items()}
