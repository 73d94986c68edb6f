"""What a number of one metric means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

_MAXIMA = {"%": 100.0, "fraction": 1.0}
_DECIMALS = {"%": 2, "fraction": 4, "dB": 1}
_LARGE, _SMALL = 1e9, 1e-3
"""Magnitudes from which on a number without a range is printed with an exponent."""


@dataclass(frozen=True)
class Metric:
    """What a number of one metric means.

    >>> Metric("top1", "%").maximum, Metric("nme", "px").maximum, Metric("distance", "px", maximum=255.0).maximum
    (100.0, None, 255.0)
    """

    name: str
    """Key in zoo files, markers and reports, such as ``top1``."""
    unit: str
    """``%``: from 0 to 100, differences are points; ``fraction``: from 0 to 1; else what its numbers are in, such as
    ``px``, or nothing."""
    higher_is_better: bool = True
    is_mean_of_hits: bool = False
    """Whether it is the share of samples that are right; hmean and AP are not means over samples."""
    maximum: float | None = None
    """The largest possible value in the metric's own unit, 0 being the least; None: it has no bounds."""
    is_mean_of_scores: bool = False
    """Whether it is the mean of one score per sample."""
    has_classes: bool = False
    """Whether each class, or category, has a value of its own in `Comparison.class_scores`."""

    def __post_init__(self) -> None:
        fixed = _MAXIMA.get(self.unit)
        if fixed is not None and self.maximum not in (None, fixed):
            raise ValueError(f"{self.name}: the unit {self.unit!r} means a maximum of {fixed:g}, not {self.maximum:g}")
        if self.maximum is not None and not 0 < self.maximum < math.inf:
            raise ValueError(f"{self.name}: maximum is {self.maximum}, expected a finite number above 0, or None")
        if fixed is not None:
            object.__setattr__(self, "maximum", fixed)

    @property
    def range(self) -> float:
        """From 0 to the maximum; raises `ValueError` for a metric without bounds."""
        if self.maximum is None:
            raise ValueError(f"{self.name} has no maximum")
        return self.maximum

    @property
    def is_mean_of_bounded(self) -> bool:
        """Whether samples one by one can decide a limit: it is a mean over samples of something with bounds."""
        return self.is_mean_of_hits or (self.is_mean_of_scores and self.maximum is not None)

    def worse_by(self, before: float, now: float) -> float:
        """How much worse ``now`` is than ``before``, in its own unit and direction; below 0 where it is better.

        >>> Metric("top1", "%").worse_by(80.0, 79.0), Metric("error", "%", higher_is_better=False).worse_by(13.0, 92.0)
        (1.0, 79.0)
        """
        return before - now if self.higher_is_better else now - before

    def number(self, value: float) -> str:
        """``value`` with the digits that tables print: two for percent, four for a fraction, else about five in all.

        >>> Metric("top1", "%").number(94.8), Metric("AP", "fraction").number(0.71), Metric("nme", "px").number(12.3456)
        ('94.80', '0.7100', '12.346')
        """
        text = self._digits(value)
        return text.removeprefix("-") if not float(text) else text  # what is printed as 0 has no sign

    def _digits(self, value: float) -> str:
        if self.unit in _DECIMALS:
            return f"{value:.{_DECIMALS[self.unit]}f}"
        if self.maximum is None and value != 0 and not _SMALL <= abs(value) < _LARGE:
            return f"{value:.4g}"
        reach = abs(value) if self.maximum is None else self.maximum
        decimals = 4 - (math.floor(math.log10(reach)) if reach >= 1 else 0)
        return f"{value:.{max(decimals, 0)}f}"

    def difference(self, value: float) -> str:
        """``value`` as a difference, with its unit where it has one.

        >>> Metric("top1", "%").difference(1.5), Metric("nme", "px").difference(0.25)
        ('1.50 points', '0.2500 px')
        """
        unit = {"%": "points", "fraction": ""}.get(self.unit, self.unit)
        return f"{self.number(value)} {unit}".rstrip()


AGREEMENT = "agreement"
"""Name of the metric that `agreement_in` gives."""

SQNR_DB = Metric("sqnr_db", "dB")
"""Signal to noise ratio of int8's raw outputs, fp32's being the signal: every task has it, and it takes no labels."""

WITHOUT_LABELS = (AGREEMENT, SQNR_DB.name)
"""Metrics that every task has, for floors: they hold int8 against fp32 alone."""


def agreement_in(metric: Metric) -> Metric:
    """The metric ``agreement`` of a task whose first metric is this: int8 scored with fp32's answers as the truth.

    >>> agreement_in(Metric("top1", "%")).name
    'agreement'
    """
    return replace(metric, name=AGREEMENT, has_classes=False)


def metrics_without_labels(metrics: Mapping[str, Metric]) -> Mapping[str, Metric]:
    """Those of `WITHOUT_LABELS` as a task that has these metrics has them.

    >>> metrics_without_labels({"top1": Metric("top1", "%")})["agreement"].unit
    '%'
    """
    return {AGREEMENT: agreement_in(next(iter(metrics.values()))), SQNR_DB.name: SQNR_DB}
