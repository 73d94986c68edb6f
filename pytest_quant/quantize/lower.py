"""A float network and a calibration table become an int8 network, as ncnn2int8 makes it, byte for byte.

Convolution, ConvolutionDepthWise and InnerProduct are quantized where the table names them; every other layer stays
float, its weights stored as float16. A convolution whose output goes to int8 convolutions alone passes int8 on
("requantize", ncnn's term above 100).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pytest_quant.errors import ModelFileError
from pytest_quant.ncnn_files.arrays import INT8_LAYER_TYPES, QUANTIZABLE_TYPES, int8_term, int8_term_key
from pytest_quant.ncnn_files.lint import CALIBRATED_TYPES, scale_count
from pytest_quant.ncnn_files.param import Layer, Param, read_param
from pytest_quant.ncnn_files.table import Table, read_table
from pytest_quant.ncnn_files.weights import Weights, walk
from pytest_quant.ncnn_files.writer import pack_bare, pack_fp16, pack_int8, replace_file, write_param

_CONVOLUTIONS = frozenset({"Convolution", "ConvolutionDepthWise"})
_REQUANTIZE = 100


@dataclass(frozen=True)
class QuantizeReport:
    """What became of the layers that ncnn can quantize.

    Attributes:
        quantized: names of the layers that are int8 now, in file order.
        requantized: those of them that pass int8 on.
        kept_float: names of the layers that the table leaves out.

    """

    quantized: tuple[str, ...]
    requantized: tuple[str, ...]
    kept_float: tuple[str, ...]


@dataclass(frozen=True)
class _Scales:
    """Scales of one quantized layer; ``top`` is set where it passes int8 on."""

    weight: NDArray[np.float32]
    bottom: np.float32
    top: np.float32 | None = None


def quantize_model(
    param_path: Path | str, bin_path: Path | str, table: Table | Path | str, out_param: Path | str, out_bin: Path | str
) -> QuantizeReport:
    """Write the int8 version of a float network.

    Raises:
        ModelFileError: a file is damaged, the table is of another model, the network is quantized already, or it has
            layers that cannot be quantized here (recurrent, attention, embedding and matrix layers).

    """
    param = read_param(param_path)
    weights = walk(param, bin_path)
    if not isinstance(table, Table):
        table = read_table(table)
    _refuse(param, weights, table)
    scales = _fuse(param, {layer.line: _scales(param, layer, table) for layer in _chosen(param, table)})
    packed = (_pack(param, weights, layer, scales.get(layer.line)) for layer in param.layers)
    replace_file(out_bin, (part for parts in packed for part in parts))
    write_param((_lowered(layer, scales.get(layer.line)) for layer in param.layers), out_param)
    walk(read_param(out_param), out_bin)
    calibrated = [layer for layer in param.layers if layer.type in CALIBRATED_TYPES]
    return QuantizeReport(
        quantized=tuple(layer.name for layer in calibrated if layer.line in scales),
        requantized=tuple(y.name for y in calibrated if y.line in scales and scales[y.line].top is not None),
        kept_float=tuple(layer.name for layer in calibrated if layer.line not in scales),
    )


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
        if layer.type in QUANTIZABLE_TYPES - CALIBRATED_TYPES:
            raise param.error(layer, "quantizing this layer type is not supported; use ncnn2int8 for this network")
    names = {layer.name for layer in param.layers if layer.type in CALIBRATED_TYPES}
    strange = [name for name in table.layers if name not in names]
    if strange:
        where = table.path or "the table"
        raise ModelFileError(f"{where} names {strange[0]!r}, which {param.path} does not have: another model's table")


def _chosen(param: Param, table: Table) -> Iterator[Layer]:
    """The layers that the table has an input scale for; ncnn2int8 skips the others too."""
    return (layer for layer in param.layers if layer.type in CALIBRATED_TYPES and layer.name in table.activations)


def _scales(param: Param, layer: Layer, table: Table) -> _Scales:
    scales = table.weight_scales(layer.name)
    if scales is None:
        raise param.error(layer, f"the table has its input scale, but no line {layer.name}_param_0")
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


def _lowered(layer: Layer, scales: _Scales | None) -> Layer:
    if scales is None:
        return layer
    term = 1 if layer.type == "ConvolutionDepthWise" else 2
    if scales.top is not None:
        term += _REQUANTIZE
    return replace(layer, params={**layer.params, int8_term_key(layer.type): term})


def _pack(param: Param, weights: Weights, layer: Layer, scales: _Scales | None) -> Iterator[bytes]:
    for role, array in weights.of(layer).items():
        values = weights.read(array)
        if array.storage == "bare":
            yield pack_bare(values)
        elif scales is None or role != "weight":
            yield _half(param, layer, values.astype(np.float32))
        else:
            rows = values.astype(np.float32).reshape(len(scales.weight), -1)
            yield pack_int8(quantize_weights(rows, scales.weight))
    if scales is not None:
        yield pack_bare(scales.weight)
        yield pack_bare(np.array([scales.bottom]))
        if scales.top is not None:
            yield pack_bare(np.array([scales.top]))


def _half(param: Param, layer: Layer, values: NDArray[np.float32]) -> bytes:
    try:
        return pack_fp16(values)
    except OverflowError as error:
        raise param.error(layer, f"cannot be stored as float16: {error}") from None
