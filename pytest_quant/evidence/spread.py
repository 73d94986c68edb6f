"""How much a resampled metric varies, and how far its bounds are from it.

Two pseudo images are added to the square of the standard error, each as influential as an image typically is among
those that matter (from leaving out images, or groups of them; where none matters, as one that loses everything would
be). They play the part of the added pairs of Agresti and Min (2005) and Bonett and Price (2012), for the same reason:
where few images differ between the models, or none, the spread among the images seen says too little about those not
seen.

Looks (`pytest_quant.evidence.looks`) ask for bounds far out in the tails, and more than once. There it tells that where
few images lose much, a part that holds too few of them shows a small drop and a small spread at once. So such a bound
has the quantile of Student's t with as many degrees of freedom as images matter, and is moved on by twice the
second-order term of a Poisson bound, (z^2 + 2) / 3 images that matter (E. A. Cornish and R. A. Fisher 1938, for a
count, with its continuity correction), of the seen or of the unseen part of the dataset, whichever is larger; twice,
since images matter unequally, and once where none was seen to matter and one is taken to lose everything. Both were
chosen with ``benchmarks/looks_study.py``: without them up to 25 % of the verdicts at the limit are wrong, not 5 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evidence.score import normal_quantile, population_correction

_Floats = NDArray[np.float64]

_PSEUDO_IMAGES = 2


@dataclass(frozen=True)
class Spread:
    """How much a value of n images varies about that of the whole dataset."""

    images: int
    population: int | None
    variance: float
    """Without finite-population correction."""
    typical: float
    """How far one image that matters moves the value."""
    is_assumed: bool = False
    """Whether no image matters, so that ``typical`` is as much as one could."""

    @classmethod
    def of(cls, drawn: _Floats, influences: _Floats, *, images: int, population: int | None, largest: float) -> Spread:
        """From the values of resamples, shape (resamples,), and what leaving out groups of images tells of them.

        ``influences``: deviations of the value, scaled to one unit of weight, shape (groups,). ``largest``: the
        largest magnitude of the value.
        """
        variance = float(np.var(drawn, ddof=1))
        if influences.size == images:  # with groups the jackknife's own noise would only widen the interval
            variance = max(variance, float(np.var(influences, ddof=1)) / images)
        square = _typical_square(influences, largest)
        typical = largest / images if square is None else math.sqrt(square)
        variance += _PSEUDO_IMAGES * typical**2
        return cls(images, population, variance, typical, square is None)

    @property
    def error(self) -> float:
        """Standard error, with the finite-population correction."""
        return math.sqrt(self.variance * population_correction(self.images, self.population))

    def reach(self, confidence: float) -> float:
        """How far a one-sided bound is from the value."""
        return normal_quantile(confidence) * self.error

    def reach_at_look(self, confidence: float) -> float:
        """The same of a look on the way."""
        quantile = normal_quantile(confidence)
        seen = 0.0 if self.population is None else self.images / self.population
        skewness = max(seen, 1.0 - seen) * (quantile**2 + 2.0) / 3.0 * self.typical
        if self.is_assumed:
            return quantile * self.error + skewness
        from scipy.special import stdtrit  # for a look alone: a run without one need not load it

        matter = max(self.variance / self.typical**2 - _PSEUDO_IMAGES, 1.0)
        return -float(stdtrit(matter, 1.0 - confidence)) * self.error + 2.0 * skewness


def _typical_square(influences: _Floats, largest: float) -> float | None:
    """Squared change of the value by one image that matters; None where none does."""
    squares = influences**2
    if squares.sum() <= (1e-12 * largest) ** 2:
        return None
    return float((squares**2).sum() / squares.sum()) / influences.size**2
