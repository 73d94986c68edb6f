"""The conditions of an evaluation: what the report shows beside a number, and what ``require`` can name."""

from __future__ import annotations

from pytest_quant.evaluation.machine import other_machine
from pytest_quant.extending.known import get_format
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Pipeline

COMPUTED_ON = "computed_on"

_SHOWN = {"fp32": ("target",), "int8": ("packing", "target")}
"""The conditions of nets that the report shows, after the name of the net."""


def condition_names(model: ModelSpec, pipeline: Pipeline) -> tuple[str, ...]:
    """The names that `conditions` gives, known before anything is evaluated."""
    return ("runtime", "seed", "samples", "total", COMPUTED_ON, *_names(model), *pipeline.conditions())


def _names(model: ModelSpec) -> list[str]:
    known = {net: get_format(model.nets[net].format).condition_names for net in _SHOWN}
    return [f"{net}_{name}" for net, names in _SHOWN.items() for name in names if name in known[net]]


def conditions(model: ModelSpec, pipeline: Pipeline, *, seed: int, samples: int, total: int) -> dict[str, object]:
    """Condition name to value, plain JSON: the runtime, which of the dataset's samples, and what the task adds.

    Of a model whose files are there also how its nets are run, and where, if not on this machine.
    """
    return {
        "runtime": model.runtime,
        "seed": seed,
        "samples": samples,
        "total": total,
        **_of_machine(),
        **_of_nets(model),
        **pipeline.conditions(),
    }


def _of_machine() -> dict[str, object]:
    """The machines of a cluster that are of another kind than this one."""
    other = other_machine()
    return {} if other is None or other.told is None else {COMPUTED_ON: other.told}


def _of_nets(model: ModelSpec) -> dict[str, object]:
    built = {net: model.net(net) for net in _SHOWN if model.nets[net].is_built}
    found = {name: get_format(net.format).conditions(net) for name, net in built.items()}
    return {f"{net}_{name}": values[name] for net, values in found.items() for name in _SHOWN[net] if name in values}
