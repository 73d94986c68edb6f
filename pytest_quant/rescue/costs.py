"""What an int8 net costs beside the float one: bytes of its weights, and the time of a forward pass."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass

from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.nets.base import Array
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.spec.model import ModelSpec

_PASSES = 25
"""Of each net, in turns. The shortest counts: whatever else the machine does only adds to it."""
_WARM_UP = 2


@dataclass(frozen=True)
class NetCost:
    """Of one net."""

    bin_bytes: int
    pass_ms: float
    """Shortest time of one forward pass on one core, in milliseconds."""


@dataclass(frozen=True)
class Costs:
    """Of the three nets, measured in turns on one input."""

    fp32: NetCost
    int8: NetCost
    """The int8 net as it was given."""
    repaired: NetCost


def measure_costs(model: ModelSpec, repaired: NcnnFiles, tensor: Array, cores: CorePool) -> Costs:
    """Measure all three nets on one preprocessed input; takes some eighty forward passes."""
    variants = {
        "fp32": (model, "fp32"),
        "int8": (model, "int8"),
        "repaired": (model.with_net("int8", repaired.net()), "int8"),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    with cores.core(), ExitStack() as stack:
        runners = {
            name: stack.enter_context(closing(open_runner(spec, side))) for name, (spec, side) in variants.items()
        }
        for turn in range(_WARM_UP + _PASSES):
            for name, runner in runners.items():
                start = time.perf_counter()
                runner.run(tensor)
                if turn >= _WARM_UP:
                    times[name].append(1000 * (time.perf_counter() - start))
    sizes = {
        "fp32": ncnn_files(model, "fp32").bin.stat().st_size,
        "int8": ncnn_files(model, "int8").bin.stat().st_size,
        "repaired": repaired.bin.stat().st_size,
    }
    return Costs(**{name: NetCost(sizes[name], min(times[name])) for name in variants})
