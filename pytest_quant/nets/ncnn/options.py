"""ncnn's options for a net: what `runtime: reference` turns off so that only quantization differs."""

from __future__ import annotations

import platform
from pathlib import Path

from pytest_quant.nets.ncnn.files.arrays import int8_term
from pytest_quant.nets.ncnn.files.grouped import garbled_layers
from pytest_quant.nets.ncnn.files.other_on_arm import approximated_layers
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.spec.net import Runtime

PACKING = "use_packing_layout"

_REFERENCE_OPTIONS = {
    "use_fp16_packed": False,
    "use_fp16_storage": False,
    "use_fp16_arithmetic": False,
    "use_bf16_storage": False,
    "use_bf16_packed": False,
    "use_vulkan_compute": False,
}
_X86 = frozenset({"x86_64", "amd64", "i386", "i686"})


def runtime_options(runtime: Runtime) -> dict[str, bool]:
    """The options that differ from ncnn's own defaults for every net, apart from the one thread that each gets.

    ``reference`` turns half precision off, in the int8 net too.
    """
    return dict(_REFERENCE_OPTIONS) if runtime == "reference" else {}


def net_options(param: Path, runtime: Runtime, machine: str | None = None) -> dict[str, bool]:
    """The options for one net on a ``machine`` (as `platform.machine` names it; None: this one).

    ``reference`` turns packed layouts off where x86 would compute an int8 layer otherwise than ARM does, or wrongly. It
    costs up to five times the time, so every other net keeps them. Raises `ModelFileError`.
    """
    options = runtime_options(runtime)
    if options and (machine or platform.machine()).lower() in _X86 and needs_unpacked(param):
        options[PACKING] = False
    return options


def needs_unpacked(path: Path) -> bool:
    """Whether a net holds an int8 layer that x86 computes exactly only without packed layouts."""
    param = read_param(path)
    int8 = [layer.name for layer in param.layers if int8_term(layer)]
    return bool(approximated_layers(param) or garbled_layers(param, int8))
