"""What goes in and out of a graph, as its file tells it: names, types, shapes, and the scales of integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layout = Literal["nchw", "nhwc"]
"""Where the channels of an image stand in an array with a batch in front: first or last."""

FLOATS = ("float32", "float16", "float64")


@dataclass(frozen=True)
class Scaling:
    """What integers of an input or an output stand for: ``scale * (integer - zero_point)``."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class Port:
    """An input or an output of a graph."""

    name: str
    dtype: str
    """As NumPy calls it: ``float32``, ``float16``, ``uint8``, ..."""
    shape: tuple[int | None, ...] | None
    """None for a dimension that is left open; None as a whole when the file does not even tell the rank."""
    aliases: tuple[str, ...] = ()
    """Other names that the file gives it."""
    scaling: Scaling | None = None
    """Of integers that stand for real numbers."""
    layout: Layout | None = None
    """Where the file tells it."""

    @property
    def is_real(self) -> bool:
        """Whether its values are real numbers, or integers that stand for them."""
        return self.dtype in FLOATS or self.scaling is not None

    @property
    def names(self) -> tuple[str, ...]:
        """All names that it goes by."""
        return (self.name, *self.aliases)

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.name} ({self.dtype})"
        return f"{self.name} ({self.dtype} {' x '.join('?' if size is None else str(size) for size in self.shape)})"
