"""Layers of which only the weights have scales: ncnn quantizes their inputs while it runs, so they need no images.

Recurrent, embedding and attention layers take the scales of their weights from a table, one entry per weight matrix;
Gemm and SDPA stand in no table, ncnn2int8 computes what they need itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_quant.nets.ncnn.files.arrays import array_specs, int8_term_key
from pytest_quant.nets.ncnn.files.param import Layer, Param

_RECURRENT = ("weight", "hidden_weight")
_MATRICES_BY_TYPE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("RNN", "LSTM", "GRU"), _RECURRENT),
    "Embed": ("weight",),
    "MultiHeadAttention": ("query_weight", "key_weight", "value_weight", "output_weight"),
}
TABLED_TYPES = frozenset(_MATRICES_BY_TYPE)
"""Types whose weight scales stand in a table, without an input scale."""
UNTABLED_TYPES = frozenset({"Gemm", "SDPA"})
"""Quantizable types that no table mentions."""
STATIC_TERM = 2
"""What ncnn2int8 writes as the quantization term of all of them."""


def as_int8(layer: Layer) -> Layer:
    """The layer with its quantization term set."""
    return layer._replace(params={**layer.params, int8_term_key(layer.type): STATIC_TERM})


def static_scale_counts(param: Param, layer: Layer) -> dict[str, tuple[str, int]]:
    """Return each weight matrix's role to its table entry and the number of its scales, in the order of the entries.

    Empty for a layer that is not of `TABLED_TYPES`.

    Raises:
        ModelFileError: the layer's parameters are impossible.

    """
    counts = {spec.role: spec.count for spec in array_specs(param, as_int8(layer)) or ()} if is_tabled(layer) else {}
    roles = _MATRICES_BY_TYPE.get(layer.type, ())
    return {role: (f"{layer.name}_param_{number}", counts[f"{role}_scales"]) for number, role in enumerate(roles)}


def is_tabled(layer: Layer) -> bool:
    """Whether the layer is of `TABLED_TYPES`."""
    return layer.type in TABLED_TYPES
