"""Which layers of a graph compute in int8, counted by type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A layer that is quantized or could be."""

    type: str
    """As the float graph has it: ``Conv``, ``MatMul``, ..."""
    name: str
    form: str
    """How it is quantized: ``QDQ``, ``dynamic``, ...; empty for a float one."""


@dataclass(frozen=True)
class QuantizedLayers:
    """The convolutions, matrix products and the like of a graph."""

    quantized: Mapping[str, int]
    """Type to how many of them compute in int8."""
    quantizable: Mapping[str, int]
    """All of them, the quantized ones included."""
    form: str = ""
    """How they are quantized, or several ways."""
    kept_float: tuple[str, ...] = ()
    """The names of those that stay float."""

    @classmethod
    def of(cls, layers: Iterable[Layer]) -> QuantizedLayers:
        """Count layers.

        >>> found = QuantizedLayers.of([Layer("Conv", "a", "QDQ"), Layer("Conv", "b", "")])
        >>> found.quantized, found.quantizable, found.kept_float
        ({'Conv': 1}, {'Conv': 2}, ('b',))
        """
        found = tuple(layers)
        quantized = Counter(layer.type for layer in found if layer.form)
        total = Counter(layer.type for layer in found)
        return cls(
            dict(sorted(quantized.items())),
            dict(sorted(total.items())),
            " and ".join(dict.fromkeys(layer.form for layer in found if layer.form)),
            tuple(layer.name for layer in found if not layer.form),
        )
