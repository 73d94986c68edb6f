"""``input-scale``: int8 was calibrated on inputs of another range than those that it is given."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.judging.sanity.ncnn_graph import int8_files, param_of
from pytest_quant.nets.ncnn.files.param import Param
from pytest_quant.nets.ncnn.files.table import read_table
from pytest_quant.spec.net import InputSpec

_TOO_WIDE, _TOO_NARROW = 3.0, 1 / 8
"""Calibrated range over the largest input that there can be: calibration images may be dark, methods may clip."""
_CODES = 127
_PASSING = frozenset({"Split", "Input"})


def find_other_range(look: Look) -> Iterator[Finding]:
    """A warning about the first layers of a table, whose inputs are the pixels."""
    files = int8_files(look)
    if files is None or files.table is None or look.model.input.arrays:
        return
    net_input = look.model.nets["int8"].input or look.model.input
    largest = _largest(net_input)
    scales = read_table(files.table).activations
    for name in _first_layers(param_of(files)):
        calibrated = _CODES / scales[name] if scales.get(name, 0) > 0 else largest
        if not _TOO_NARROW * largest <= calibrated <= _TOO_WIDE * largest:
            yield Finding(
                "input-scale",
                "warning",
                f"the table has inputs of {name} up to {calibrated:.4g}, and `input` gives it values up to "
                f"{largest:.4g}",
                "calibrate with the `mean`, `std` and `scale` of this entry",
            )


def _largest(net_input: InputSpec) -> float:
    """The largest absolute value that a pixel can become."""
    pairs = list(zip(net_input.mean, net_input.std, strict=True))
    return max(abs((pixel * net_input.scale - mean) / std) for mean, std in pairs for pixel in (0, 255))


def _first_layers(param: Param) -> list[str]:
    """Names of the layers that read an input blob, as it is."""
    pending, found = list(param.inputs), []
    while pending:
        for layer in param.consumers.get(pending.pop(), ()):
            if layer.type in _PASSING:
                pending += layer.tops
            else:
                found.append(layer.name)
    return found
