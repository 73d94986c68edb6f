"""What every interval of this package looks like."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """Two one-sided bounds, read together as one interval.

    Attributes:
        low: Lower bound, in the unit of the quantity (a fraction, unless the maker says otherwise).
        high: Upper bound, same unit; ``low <= high``.
        level: Two-sided level. Bounds at one-sided confidence 0.95 make a 0.90 interval.
        method: How the bounds were found, in words for a report.

    >>> Interval(-0.004, 0.011, 0.90, "exact").width
    0.015

    """

    low: float
    high: float
    level: float
    method: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"low {self.low} is not at or below high {self.high}")

    @property
    def width(self) -> float:
        """``high - low``; 0 when the whole dataset was measured."""
        return self.high - self.low

    def minus(self, value: float) -> Interval:
        """The interval of the quantity less ``value``."""
        return Interval(self.low - value, self.high - value, self.level, self.method)

    @property
    def negated(self) -> Interval:
        """The interval of the quantity with the other sign."""
        return Interval(-self.high, -self.low, self.level, self.method)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def two_sided_level(confidence: float) -> float:
    """Level of the interval whose two bounds each hold with probability `confidence`.

    Rounded to twelve digits, so that 0.95 gives 0.9 and not 0.8999999999999999.

    >>> two_sided_level(0.95)
    0.9
    """
    if not 0.5 < confidence < 1.0:
        raise ValueError(f"confidence {confidence} must lie between 0.5 and 1, both excluded")
    return round(2.0 * confidence - 1.0, 12)
