"""A float network and a calibration table become an int8 network, as ncnn2int8 makes it, byte for byte.

What the table names becomes int8, and so do Gemm and SDPA layers, which stand in no table; every other layer stays
float, its weights stored as float16. A convolution whose output goes to int8 convolutions alone passes int8 on
("requantize", ncnn's term above 100).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.files.arrays import (
    CONVOLUTIONS,
    INT8_LAYER_TYPES,
    QUANTIZABLE_TYPES,
    int8_term,
    int8_term_key,
)
from pytest_quant.nets.ncnn.files.lint import CALIBRATED_TYPES, scale_count, without_weights
from pytest_quant.nets.ncnn.files.param import Layer, Param, read_param
from pytest_quant.nets.ncnn.files.static_scales import TABLED_TYPES
from pytest_quant.nets.ncnn.files.table import Table, read_table
from pytest_quant.nets.ncnn.files.weights import Weights, walk
from pytest_quant.nets.ncnn.files.writer import pack_bare, pack_fp16, pack_int8, replace_file, write_param
from pytest_quant.nets.ncnn.load_check import check_loads
from pytest_quant.quantize.static_layers import StaticLayer, static_layer
from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.text import suggestion

_CONVOLUTIONS = frozenset({"Convolution", "ConvolutionDepthWise"})
_REQUANTIZE = 100


@dataclass(frozen=True)
class QuantizeReport:
    """What became of the layers with weights.

    Attributes:
        quantized: names of the layers that are int8 now, in file order.
        requantized: those of them that pass int8 on.
        kept_float: names of the layers that ncnn could run in int8, but that were left out.
        without_int8: names of the convolutions of kinds that ncnn runs in float only, such as Deconvolution.

    """

    quantized: tuple[str, ...]
    requantized: tuple[str, ...]
    kept_float: tuple[str, ...]
    without_int8: tuple[str, ...]


@dataclass(frozen=True)
class _Scales:
    """Scales of one quantized layer; ``top`` is set where it passes int8 on."""

    weight: NDArray[np.float32]
    bottom: np.float32
    top: np.float32 | None = None


def quantize_model(
    param_path: Path | str,
    bin_path: Path | str,
    table: Table | Path | str,
    out_param: Path | str,
    out_bin: Path | str,
    *,
    keep_float: Collection[str] = (),
) -> QuantizeReport:
    """Write the int8 version of a float network.

    ``keep_float``: names of layers to leave in float, whatever the table says; the only way for Gemm and SDPA.

    Raises:
        ConfigError: a layer of ``keep_float`` is none that could be int8.
        ModelFileError: a file is damaged, the table is of another model, the network is quantized already, or ncnn
            refuses a layer of it.

    """
    param = read_param(param_path)
    weights = walk(param, bin_path)
    if not isinstance(table, Table):
        table = read_table(table)
    _refuse(param, weights, table)
    check_loads(param)
    check_quantizable(param, keep_float)
    chosen = [layer for layer in param.layers if layer.name not in keep_float]
    static = {layer.line: found for layer in chosen if (found := static_layer(param, weights, layer, table))}
    scales = _fuse(
        param, {layer.line: _scales(param, layer, table) for layer in chosen if _is_calibrated(layer, table)}
    )
    writer = _Writer(param, weights, scales, static)
    replace_file(out_bin, (part for layer in param.layers for part in writer.pack(layer)))
    write_param(map(writer.lowered, param.layers), out_param)
    walk(read_param(out_param), out_bin)
    done = static.keys() | scales.keys()
    could = [layer for layer in param.layers if layer.type in QUANTIZABLE_TYPES]
    return QuantizeReport(
        quantized=tuple(layer.name for layer in could if layer.line in done),
        requantized=tuple(y.name for y in could if y.line in scales and scales[y.line].top is not None),
        kept_float=tuple(layer.name for layer in could if layer.line not in done),
        without_int8=tuple(y.name for y in param.layers if y.type in CONVOLUTIONS - QUANTIZABLE_TYPES),
    )


def check_quantizable(param: Param, names: Iterable[str]) -> None:
    """Raise `ConfigError` for a name that is not a layer which ncnn could run in int8."""
    known = {layer.name for layer in param.layers if layer.type in QUANTIZABLE_TYPES}
    for name in names:
        if name not in known:
            raise ConfigError(f"{param.path} has no layer {name!r} that could be int8.{suggestion(name, known)}")


def quantize_weights(weights: NDArray[np.float32], scales: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return ``round(weights * scale)`` per row, halves away from zero, within -127 to 127.

    Args:
        weights: float32, one row per scale.
        scales: float32; an infinite one (a row of zeros in ncnn's tables) gives -127, as ncnn does on x86.

    >>> quantize_weights(np.float32([[0.5, -1.0], [0.25, 9.0]]), np.float32([127, 10])).tolist()
    [[64, -127], [3, 90]]

    """
    with np.errstate(invalid="ignore", over="ignore"):
        product = weights * scales[:, None]
        rounded = np.trunc(product + np.copysign(np.float32(0.5), product))
    in_range = np.abs(rounded) < 2.0**31  # beyond, and for NaN, the conversion to int32 gives its least value
    return np.clip(np.where(in_range, rounded, -127), -127, 127).astype(np.int8)


def _refuse(param: Param, weights: Weights, table: Table) -> None:
    for layer in weights.unknown:
        raise param.error(layer, "its format is not known, so the layers behind it cannot be written")
    for layer in param.layers:
        if int8_term(layer) or layer.type in INT8_LAYER_TYPES:
            raise param.error(layer, "the network is quantized already; quantize the float one")
    layers = {layer.name: layer for layer in param.layers}
    where = table.path or "the table"
    for name in table.layers:
        if name not in layers:
            raise ModelFileError(f"{where} names {name!r}, which {param.path} does not have: another model's table")
        if layers[name].type not in CALIBRATED_TYPES | TABLED_TYPES:
            raise param.error(layers[name], f"{where} names it, but ncnn takes nothing of this type from a table")


def _is_calibrated(layer: Layer, table: Table) -> bool:
    """Whether the table has an input scale for the layer; ncnn2int8 skips the others too."""
    return layer.type in CALIBRATED_TYPES and layer.name in table.activations


def _scales(param: Param, layer: Layer, table: Table) -> _Scales:
    scales = table.weight_scales(layer.name)
    if scales is None:
        raise param.error(layer, f"the table has its input scale {without_weights(table, layer.name)}")
    expected = scale_count(param, layer)
    if len(scales) != expected:
        raise param.error(layer, f"the table has {len(scales)} weight scales for it, expected {expected}")
    return _Scales(np.array(scales, np.float32), np.float32(table.activations[layer.name]))


def _fuse(param: Param, scales: dict[int, _Scales]) -> dict[int, _Scales]:
    """Set the output scale of every convolution whose output int8 convolutions alone read."""
    fused = dict(scales)
    for layer in param.layers:
        if layer.type not in _CONVOLUTIONS or layer.line not in scales:
            continue
        readers = param.consumers[layer.tops[0]]
        if len(readers) == 1 and readers[0].type == "Split":
            readers = tuple(reader for top in readers[0].tops for reader in param.consumers[top])
        if readers and all(reader.type in _CONVOLUTIONS and reader.line in scales for reader in readers):
            fused[layer.line] = replace(scales[layer.line], top=scales[readers[0].line].bottom)
    return fused


@dataclass(frozen=True)
class _Writer:
    """The layers of the int8 network, and their arrays."""

    param: Param
    weights: Weights
    scales: Mapping[int, _Scales]
    static: Mapping[int, StaticLayer]

    def lowered(self, layer: Layer) -> Layer:
        """The layer as the int8 network has it."""
        if layer.line in self.static:
            return self.static[layer.line].layer
        scales = self.scales.get(layer.line)
        if scales is None:
            return layer
        term = 1 if layer.type == "ConvolutionDepthWise" else 2
        if scales.top is not None:
            term += _REQUANTIZE
        return layer._replace(params={**layer.params, int8_term_key(layer.type): term})

    def pack(self, layer: Layer) -> Iterator[bytes]:
        """The layer's arrays, in file order."""
        matrices, scales = self._int8_parts(layer)
        for role, array in self.weights.of(layer).items():
            if role in matrices:
                yield pack_int8(quantize_weights(matrices[role], scales[role]))
            elif array.storage == "bare":
                yield pack_bare(self.weights.read(array))
            else:
                yield self._half(layer, self.weights.read(array).astype(np.float32))
        yield from map(pack_bare, scales.values())

    def _int8_parts(self, layer: Layer) -> tuple[Mapping[str, NDArray[np.float32]], Mapping[str, NDArray[np.float32]]]:
        """Role to weights as one row per scale, and role to scales in file order."""
        if layer.line in self.static:
            return self.static[layer.line].matrices, self.static[layer.line].scales
        scales = self.scales.get(layer.line)
        if scales is None:
            return {}, {}
        weight = self.weights.read(self.weights.of(layer)["weight"]).astype(np.float32)
        tail = {"bottom": np.array([scales.bottom])}
        if scales.top is not None:
            tail["top"] = np.array([scales.top])
        return {"weight": weight.reshape(len(scales.weight), -1)}, {"weight": scales.weight, **tail}

    def _half(self, layer: Layer, values: NDArray[np.float32]) -> bytes:
        try:
            return pack_fp16(values)
        except OverflowError as error:
            raise self.param.error(layer, f"cannot be stored as float16: {error}") from None
