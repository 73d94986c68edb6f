"""What is found in a table, or in the scales of a ``.bin``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing found in a table or in the scales of a ``.bin``.

    Attributes:
        severity: ``error``: the int8 model cannot be right; ``warning``: legitimate, but worth a look.
        layer: the layer's name; empty for a finding about the whole table.
        message: what was found and what it means.

    """

    severity: Literal["error", "warning"]
    layer: str
    message: str
