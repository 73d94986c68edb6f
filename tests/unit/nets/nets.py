"""A net of one file by itself, as its format gets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pytest_quant.extending.known import get_format
from pytest_quant.nets.base import Array
from pytest_quant.nets.graph_format import GraphKeys
from pytest_quant.spec.net import InputSpec, ModelNet
from tests import tiny


def net_of(format_name: str, path: Path, *, outputs: tuple[str, ...] = ("prob",), **changes: Any) -> ModelNet:
    """A net over colour images; ``layout`` and ``output_layout`` go to its entry, the rest to the net."""
    layouts = {key: changes.pop(key) for key in ("layout", "output_layout") if key in changes}
    size = changes.pop("size", None)
    return ModelNet(
        *("net", format_name, GraphKeys(file=path, **layouts)),
        InputSpec("in0", size, "rgb", (0.0,) * 3, (1.0,) * 3),
        outputs,
        **changes,
    )


def run(net: ModelNet, array: Array) -> Array:
    """The one output of one forward pass."""
    runner = get_format(net.format).open(net)
    (found,) = runner.run(array).values()
    runner.close()
    assert found.dtype == np.float32
    return found


def image(height: int = tiny.SIDE, width: int = tiny.SIDE) -> Array:
    return np.random.default_rng(0).uniform(-1, 1, (3, height, width)).astype(np.float32)


def expected(array: Array) -> Array:
    """What the tiny net gives in NumPy."""
    scores = np.tensordot(tiny._WEIGHTS, array, 1).mean(axis=(1, 2)) + tiny._BIAS
    powers = np.exp(scores)
    return np.asarray(powers / powers.sum(), np.float32)
