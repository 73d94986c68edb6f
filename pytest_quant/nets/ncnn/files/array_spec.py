"""One array of a layer in the ``.bin`` file, and what its sizes must be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ArraySpec:
    """One array that a layer loads.

    Attributes:
        role: ``weight``, ``bias``, ``weight_scales``, ``bottom_scale``, ``top_scale`` or the layer's own word for it.
        count: number of elements.
        tagged: stored behind a 4-byte storage tag (fp32, fp16, int8 or table); otherwise bare fp32.
        is_packed: bare bytes instead, up to a multiple of four: integers of a few bits.

    """

    role: str
    count: int
    tagged: bool = False
    is_packed: bool = False


def positive(what: str, value: int) -> int:
    """The value; raises `ValueError` for one below 1."""
    if value <= 0:
        raise ValueError(f"{what} is {value}, expected a number above 0")
    return value


def divides(what: str, size: int, by: int) -> None:
    """Raise `ValueError` where a size is no multiple of another."""
    if size % by:
        raise ValueError(f"{what} {size} is not a multiple of {by}")
