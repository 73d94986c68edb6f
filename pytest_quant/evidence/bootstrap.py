"""Approximate intervals for metrics that are not means over images: hmean, AP and their kin.

Images are resampled with replacement and the metric is recomputed, for fp32 and int8 on the same resamples, which
keeps them paired (B. Efron 1979, Ann. Statist. 7). The interval is the measured value plus and minus a normal quantile
times a standard error: the bootstrap's, or the jackknife's where that is larger and there are at most 200 images.
`pytest_quant.evidence.spread` says what is added to its square where few images matter.

Finite dataset: the variance is multiplied by (N - n) / (N - 1), so that n = N gives the measured value itself.

These intervals are approximate. ``benchmarks/bootstrap_study.py`` prints their simulated coverage.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evidence.interval import Interval, two_sided_level
from pytest_quant.evidence.proportion import check_population
from pytest_quant.evidence.spread import Spread

Recompute = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""How often each image counts, integers of shape (resamples, images), to the metric's values, shape (resamples,)."""

_Floats = NDArray[np.float64]

_GROUPS = 200
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


def bootstrap_standard_error(
    statistic: Recompute, *, scale: float, images: int, resamples: int = 40, seed: int = 0
) -> float | None:
    """What the bounds of `bootstrap_interval` are multiples of, for new images, from few resamples.

    None where the statistic is undefined for most of them. With 40 resamples it is known to about a ninth, which is
    enough for a glance while a run is on.
    """
    try:
        return _spread(statistic, images, None, scale, resamples, seed).error
    except _MostlyUndefinedError:
        return None


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
    largest = max(abs(bound) for bound in possible) if scale is None else scale
    try:
        spread = _spread(statistic, images, population, largest, resamples, seed)
    except _MostlyUndefinedError as error:
        return Interval(*possible, level, f"unknown: {error}")
    reach = spread.reach_at_look(confidence) if at_look else spread.reach(confidence)
    method = "approximate: normal, paired bootstrap over images" + (", finite population" if population else "")
    low, high = max(point - reach, possible[0]), min(point + reach, possible[1])
    return Interval(min(low, point), max(high, point), level, method)


def _spread(
    statistic: Recompute, images: int, population: int | None, largest: float, resamples: int, seed: int
) -> Spread:
    """Of the value; raises `_MostlyUndefinedError`."""
    drawn, influences = _resampled(statistic, images, resamples, seed), _influences(statistic, images)
    return Spread.of(drawn, influences, images=images, population=population, largest=largest)


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


def _defined(values: _Floats, what: str) -> _Floats:
    """Without the undefined values; most must be defined, or the rest would be a biased selection."""
    finite: _Floats = values[np.isfinite(values)]
    if finite.size < 2 or 2 * finite.size < values.size:
        raise _MostlyUndefinedError(
            f"the metric is undefined for {values.size - finite.size} of {values.size} {what}, so too few images "
            "hold what it measures"
        )
    return finite
