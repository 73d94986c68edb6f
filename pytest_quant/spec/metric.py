"""What a number of one metric means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """What a number of one metric means."""

    name: str
    """Key in zoo files, markers and reports, such as ``top1``."""
    unit: Literal["%", "fraction"]
    """``%``: from 0 to 100, differences are points; ``fraction``: from 0 to 1."""
    higher_is_better: bool = True
    is_mean_of_hits: bool = False
    """Whether it is the share of samples that are right; hmean and AP are no means over samples."""

    @property
    def maximum(self) -> float | None:
        """The largest possible value in the metric's own unit; None where there is none."""
        return 100.0 if self.unit == "%" else 1.0

    @property
    def range(self) -> float:
        """The width of its range, 0 to `maximum`; raises `TypeError` for a metric without a maximum."""
        if self.maximum is None:
            raise TypeError(f"{self.name} has no maximum, and so no range")
        return self.maximum

    def worse_by(self, before: float, now: float) -> float:
        """How much worse ``now`` is than ``before``, in its own unit and direction; below 0 where it is better.

        >>> Metric("top1", "%").worse_by(80.0, 79.0), Metric("error", "%", higher_is_better=False).worse_by(13.0, 92.0)
        (1.0, 79.0)
        """
        return before - now if self.higher_is_better else now - before

    def number(self, value: float) -> str:
        """``value`` with the digits that tables print: two for percent, four for a fraction."""
        return f"{value:.2f}" if self.unit == "%" else f"{value:.4f}"

    def difference(self, value: float) -> str:
        """``value`` as a difference, with its unit where it has one."""
        return f"{value:.2f} points" if self.unit == "%" else f"{value:.4f}"


def _metrics(unit: Literal["%", "fraction"], *names: str, is_mean_of_hits: bool = False) -> dict[str, Metric]:
    return {name: Metric(name, unit, is_mean_of_hits=is_mean_of_hits) for name in names}


METRICS: Mapping[str, Metric] = (
    _metrics("%", "top1", "top5", is_mean_of_hits=True)
    | _metrics("fraction", "hmean", "precision", "recall")
    | _metrics("fraction", "AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
)
"""Every metric that a zoo file or a marker can name; which of them a model has is its task's to say."""
