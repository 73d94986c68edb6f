"""What follows from the type and the parameters of a layer, found once for all layers that are alike.

Most layers of a zoo are: blocks repeat within a net, and nets are trained again. Names make no difference.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from pytest_quant.nets.ncnn.files.param import Layer

T = TypeVar("T")

_MOST = 20_000


class ByParams(Generic[T]):
    """Layers are alike whose parameters are the same object, as those of equal texts are: 1 and 1.0 are not alike."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, Hashable], tuple[Mapping[int, object], T]] = {}

    def get(self, layer: Layer, more: Hashable) -> T | None:
        """What was kept of a layer like this one; ``more``: what else it follows from."""
        found = self._known.get((layer.type, id(layer.params), more))
        return None if found is None else found[1]

    def keep(self, layer: Layer, more: Hashable, value: T) -> T:
        """Keep it, and give it back; the parameters are held too, so that their place in memory stays theirs."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[layer.type, id(layer.params), more] = layer.params, value
        return value
