"""Recurrent, embedding, attention and matrix layers to int8, as ncnn2table and ncnn2int8 make them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.nets.ncnn.files.static_scales import TABLED_TYPES, UNTABLED_TYPES, as_int8, static_scale_counts
from pytest_quant.nets.ncnn.files.table import Table
from pytest_quant.nets.ncnn.files.weights import Weights

Matrix = NDArray[np.float32]

_TABLE_ORDER = ("Embed", "MultiHeadAttention", "RNN", "LSTM", "GRU")


@dataclass(frozen=True)
class StaticLayer:
    """How one of these layers becomes int8.

    Attributes:
        layer: the layer as the int8 network has it.
        matrices: role of a weight array to its values, one row per scale; other arrays stay what they are.
        scales: role to scales, in file order.

    """

    layer: Layer
    matrices: Mapping[str, Matrix]
    scales: Mapping[str, Matrix]


def static_entries(param: Param, weights: Weights) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Give the table entries of all layers that have some: 127 by the largest weight of each row, 1 for zeros.

    They come in ncnn2table's order, type by type.
    """
    layers = [layer for layer in param.layers if layer.type in _TABLE_ORDER]
    for layer in sorted(layers, key=lambda layer: _TABLE_ORDER.index(layer.type)):
        for role, (entry, count) in static_scale_counts(param, layer).items():
            yield entry, tuple(_absmax_scales(_rows(weights, layer, role, count)).tolist())


def static_layer(param: Param, weights: Weights, layer: Layer, table: Table) -> StaticLayer | None:
    """Return the int8 form of a layer; None for other types, and where the table leaves the layer out.

    Raises:
        ModelFileError: the table has too few entries or scales for it.

    """
    if layer.type in UNTABLED_TYPES:
        return _gemm(weights, layer) if layer.type == "Gemm" else StaticLayer(as_int8(layer), {}, {})
    if layer.type not in TABLED_TYPES:
        return None
    wanted = static_scale_counts(param, layer)
    if not any(entry in table.weights for entry, _ in wanted.values()):
        return None
    scales = {role: _from_table(param, layer, table, *entry_and_count) for role, entry_and_count in wanted.items()}
    matrices = {role: _rows(weights, layer, role, count) for role, (_, count) in wanted.items()}
    return StaticLayer(as_int8(layer), matrices, scales)


def _from_table(param: Param, layer: Layer, table: Table, entry: str, count: int) -> Matrix:
    scales = table.weights.get(entry)
    if scales is None:
        raise param.error(layer, f"the table has other entries of it, but no line {entry}")
    if len(scales) != count:
        raise param.error(layer, f"the table has {len(scales)} scales in {entry}, expected {count}")
    return np.array(scales, np.float32)


def _gemm(weights: Weights, layer: Layer) -> StaticLayer:
    """A has one scale per row, B one for all; each is stored transposed where it was not, as ncnn2int8 does."""
    constant_a, constant_b = layer.get_int(4) == 1, layer.get_int(5) == 1
    m, n, k = (layer.get_int(key) for key in (7, 8, 9))
    matrices, params = {}, dict(layer.params)
    if constant_a:
        stored = _rows(weights, layer, "weight_a", k if layer.get_int(2) else m)
        matrices["weight_a"] = stored.T if layer.get_int(2) else stored
        params[2] = 0
    if constant_b:
        stored = _rows(weights, layer, "weight", n if layer.get_int(3) else k)
        matrices["weight"] = (stored if layer.get_int(3) else stored.T).reshape(1, -1)
        params[3] = 1
    scales = {role: _absmax_scales(rows) for role, rows in matrices.items()}
    return StaticLayer(as_int8(layer._replace(params=params)), matrices, scales)


def _rows(weights: Weights, layer: Layer, role: str, count: int) -> Matrix:
    return weights.read(weights.of(layer)[role]).astype(np.float32).reshape(count, -1)


def _absmax_scales(rows: Matrix) -> Matrix:
    absmax = np.abs(rows).max(axis=1)
    with np.errstate(divide="ignore", over="ignore"):
        scales: Matrix = np.divide(np.float32(127), absmax)
    scales[np.isinf(scales)] = 1
    return scales
