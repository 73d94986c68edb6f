"""Approximate intervals for metrics that are not means over images: hmean, AP and their kin.

Images are resampled with replacement and the metric is recomputed, for fp32 and int8 on the same resamples, which
keeps them paired (B. Efron 1979, Ann. Statist. 7). The interval is the measured value plus and minus a normal quantile
times a standard error: the bootstrap's, or the jackknife's where that is larger and there are at most 200 images.
Two pseudo images are added to its square, each as influential as an image typically is among those that matter (from
leaving out images, or groups of them; where none matters, as one that loses everything would be). They play the part of
the added pairs of Agresti and Min (2005) and Bonett and Price (2012), for the same reason: where few images differ
between the models, or none, the spread among the images seen says too little about those not seen.

Finite dataset: the variance is multiplied by (N - n) / (N - 1), so that n = N gives the measured value itself.

Looks (`pytest_quant.evidence.looks`) ask for bounds far out in the tails, and more than once. There it tells that where
few images lose much, a part that holds too few of them shows a small drop and a small spread at once. So such a bound
has the quantile of Student's t with as many degrees of freedom as images matter, and is moved on by twice the
second-order term of a Poisson bound, (z^2 + 2) / 3 images that matter (E. A. Cornish and R. A. Fisher 1938, for a
count, with its continuity correction), of the seen or of the unseen part of the dataset, whichever is larger; twice,
since images matter unequally, and once where none was seen to matter and one is taken to lose everything. Both were
chosen with ``benchmarks/looks_study.py``: without them up to 25 % of the verdicts at the limit are wrong, not 5 %.

These intervals are approximate. ``benchmarks/bootstrap_study.py`` prints their simulated coverage.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from pytest_quant.evidence.interval import Interval, two_sided_level
from pytest_quant.evidence.proportion import check_population
from pytest_quant.evidence.score import normal_quantile, population_correction

Recompute = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""How often each image counts, integers of shape (resamples, images), to the metric's values, shape (resamples,)."""

_Floats = NDArray[np.float64]

_GROUPS = 200
_PSEUDO_IMAGES = 2
_BLOCK_ELEMENTS = 1_000_000


class _MostlyUndefinedError(Exception):
    """Too few images hold what the metric measures to tell how much it varies."""


def bootstrap_drop_interval(
    fp32: Recompute,
    int8: Recompute,
    *,
    images: int,
    population: int | None,
    confidence: float,
    retain: float = 1.0,
    maximum: float = 1.0,
    resamples: int = 500,
    seed: int = 0,
    at_look: bool = False,
) -> Interval:
    """Approximate interval for ``retain * metric of fp32 - metric of int8``, both models on the same images.

    Args:
        fp32: Recomputes the metric from how often each image counts: integers of shape (resamples, images) to
            values of shape (resamples,), NaN where the metric is not defined. A row of ones is the measurement.
        int8: The same for the other model; the images are in the same order.
        images: Number of images n that were evaluated, a simple random sample of the dataset.
        population: Number of images N in the dataset; None: for new images like these, without correction.
        confidence: One-sided confidence of each bound, between 0.5 and 1.
        retain: 1 - r for a relative tolerance r, 1 + r where lower is better; 1 for the plain drop.
        maximum: Largest possible value of the metric, in its unit.
        resamples: Number of bootstrap samples; the standard error is known to about 1 / sqrt(2 resamples).
        seed: Of the resamples; the same seed gives the same interval.
        at_look: Whether the bounds are of a look on the way, which must hold far out in the tails.

    Returns:
        Bounds in the metric's unit, within [-maximum, retain * maximum]; all of that range where the metric is
        undefined on most resamples, as hmean is when a few images hold all text that counts.

    Raises:
        ValueError: When the metric is undefined on the images themselves, or a number is out of its range.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> truths, hits = rng.integers(1, 8, 300), rng.integers(0, 4, 300)
    >>> def recall(hits):
    ...     return lambda counts: (counts @ hits) / (counts @ truths)
    >>> lost = recall(hits - (np.arange(300) % 30 == 0) * (hits > 0))
    >>> interval = bootstrap_drop_interval(recall(hits), lost, images=300, population=1000, confidence=0.95)
    >>> f"{interval.low:.4f} {interval.high:.4f}"
    '0.0011 0.0069'

    """
    if not 0.0 < retain < 2.0:
        raise ValueError(f"retain {retain} must lie between 0 and 2, both excluded")

    def contrast(counts: NDArray[np.int64]) -> _Floats:
        return retain * fp32(counts) - int8(counts)

    possible = (-maximum, retain * maximum)
    return _interval(contrast, possible, images, population, confidence, resamples, seed, at_look=at_look)


def bootstrap_score_interval(
    recompute: Recompute,
    *,
    images: int,
    population: int | None,
    confidence: float,
    maximum: float = 1.0,
    resamples: int = 500,
    seed: int = 0,
    at_look: bool = False,
) -> Interval:
    """Approximate interval for the metric of one model, within [0, maximum]; see `bootstrap_drop_interval`."""
    return _interval(recompute, (0.0, maximum), images, population, confidence, resamples, seed, at_look=at_look)


def bootstrap_interval(
    statistic: Recompute, *, scale: float, images: int, population: int | None, confidence: float
) -> Interval:
    """Approximate interval for a statistic without bounds; ``scale`` is the largest magnitude of what it is made of."""
    endless = (-math.inf, math.inf)
    return _interval(statistic, endless, images, population, confidence, resamples=500, seed=0, scale=scale)


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
        matter = max(self.variance / self.typical**2 - _PSEUDO_IMAGES, 1.0)
        return -float(stdtrit(matter, 1.0 - confidence)) * self.error + 2.0 * skewness


def _interval(
    statistic: Recompute,
    possible: tuple[float, float],
    images: int,
    population: int | None,
    confidence: float,
    resamples: int,
    seed: int,
    scale: float | None = None,
    *,
    at_look: bool = False,
) -> Interval:
    if images < 1 or resamples < 2:
        raise ValueError(f"{images} images and {resamples} resamples; at least 1 and 2 are needed")
    check_population(population, images)
    level = two_sided_level(confidence)
    point = float(statistic(np.ones((1, images), dtype=np.int64))[0])
    if not math.isfinite(point):
        raise ValueError(f"the metric is {point} on the {images} images themselves")
    if population == images:
        return Interval(point, point, level, "whole dataset")
    try:
        drawn, influences = _resampled(statistic, images, resamples, seed), _influences(statistic, images)
    except _MostlyUndefinedError as error:
        return Interval(*possible, level, f"unknown: {error}")
    largest = max(abs(bound) for bound in possible) if scale is None else scale
    spread = Spread.of(drawn, influences, images=images, population=population, largest=largest)
    reach = spread.reach_at_look(confidence) if at_look else spread.reach(confidence)
    method = "approximate: normal, paired bootstrap over images" + (", finite population" if population else "")
    low, high = max(point - reach, possible[0]), min(point + reach, possible[1])
    return Interval(min(low, point), max(high, point), level, method)


def _resampled(statistic: Recompute, images: int, resamples: int, seed: int) -> _Floats:
    """Values for `resamples` draws of images with replacement."""
    rng, rows = np.random.default_rng(seed), max(1, _BLOCK_ELEMENTS // images)
    values = []
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn = rng.integers(0, images, size=(size, images))
        drawn += images * np.arange(size)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=size * images).reshape(size, images)
        values.append(statistic(counts.astype(np.int64, copy=False)))
    return _defined(np.concatenate(values), "resamples of images")


def _influences(statistic: Recompute, images: int) -> _Floats:
    """Deviations of the value, scaled to one unit of weight, when one of up to `_GROUPS` groups is left out."""
    groups = np.arange(images) * min(images, _GROUPS) // images
    total, rows = int(groups[-1]) + 1, max(1, _BLOCK_ELEMENTS // images)
    if total < 2:
        return np.zeros(2)
    values = []
    for start in range(0, total, rows):
        left_out = np.arange(start, min(start + rows, total))
        values.append(statistic((groups != left_out[:, np.newaxis]).astype(np.int64)))
    left = _defined(np.concatenate(values), "groups of images left out")
    return np.asarray((left.mean() - left) * (left.size - 1), dtype=np.float64)


def _typical_square(influences: _Floats, largest: float) -> float | None:
    """Squared change of the value by one image that matters; None where none does."""
    squares = influences**2
    if squares.sum() <= (1e-12 * largest) ** 2:
        return None
    return float((squares**2).sum() / squares.sum()) / influences.size**2


def _defined(values: _Floats, what: str) -> _Floats:
    """Without the undefined values; most must be defined, or the rest would be a biased selection."""
    finite = values[np.isfinite(values)]
    if finite.size < 2 or 2 * finite.size < values.size:
        raise _MostlyUndefinedError(
            f"the metric is undefined for {values.size - finite.size} of {values.size} {what}, so too few images "
            "hold what it measures"
        )
    return finite
