"""The int8 net of a model as ncnn files describe it, for checks that look at layers."""

from __future__ import annotations

from pytest_quant.judging.sanity.look import Look
from pytest_quant.nets.ncnn.files.arrays import int8_term
from pytest_quant.nets.ncnn.files.param import Layer, Param, read_param
from pytest_quant.nets.ncnn.net_files import NcnnFiles


def int8_files(look: Look) -> NcnnFiles | None:
    """The files of the int8 net; None where another runtime has it."""
    entry = look.model.nets["int8"].entry
    return entry if isinstance(entry, NcnnFiles) else None


def quantized_layers(param: Param) -> list[Layer]:
    """The layers with int8 weights, in file order."""
    return [layer for layer in param.layers if int8_term(layer)]


def read_by_outputs(param: Param, outputs: tuple[str, ...]) -> frozenset[str]:
    """Names of the layers that some of the outputs depend on."""
    needed: set[str] = set()
    pending = [blob for blob in outputs if blob in param.producer]
    while pending:
        layer = param.producer[pending.pop()]
        if layer.name not in needed:
            needed.add(layer.name)
            pending += layer.bottoms
    return frozenset(needed)


def param_of(files: NcnnFiles) -> Param:
    """The graph."""
    return read_param(files.param)
