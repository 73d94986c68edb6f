"""What passes between the process that asks for a trial and the child that makes it; plain data on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_quant.nets.given import GivenShape

Shape = GivenShape
"""Of what a net is given: (channels, height, width), or of arrays by name."""


@dataclass(frozen=True)
class Request:
    """One net to be tried."""

    net: bytes
    """A pickled `NetFormat`, `ModelNet`, `Shape` and input; None in place of the last two: that is not run."""
    folder: str
    """The working folder, from which relative paths go out."""
    limit_s: float


Answer = Literal["lives", "unknown", "memory"]
"""``lives``: whatever the net is worth, it ends no process. ``unknown``: its format's class can be imported in the
asking process alone. ``memory``: there was not enough of it."""
