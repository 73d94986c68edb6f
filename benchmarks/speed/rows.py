"""One figure of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """A ratio or an amount, and what was wanted."""

    part: str
    what: str
    value: float
    unit: str
    """``ratio``, ``s``, ``MB``."""
    wanted: str
    """Such as ``>= 0.97``; empty where it is only to be known."""
    spread: tuple[float, float] | None = None
    """Least and most over the rounds."""
    seen: Mapping[str, float] = field(default_factory=dict)
    """What the value was made of."""

    @property
    def is_met(self) -> bool | None:
        """Whether the value is what was wanted."""
        if not self.wanted:
            return None
        sign, number = self.wanted.split()
        return self.value >= float(number) if sign == ">=" else self.value <= float(number)

    def __str__(self) -> str:
        spread = "" if self.spread is None else f" ({self.spread[0]:.3f} to {self.spread[1]:.3f})"
        wanted = f"wanted {self.wanted}, {'met' if self.is_met else 'MISSED'}" if self.wanted else ""
        seen = ", ".join(f"{name} {value:.4g}" for name, value in self.seen.items())
        return (
            f"({self.part}) {self.what:<58}{self.value:>9.3f} {self.unit:<6}{spread:<20} {wanted:<24} {seen}".rstrip()
        )
