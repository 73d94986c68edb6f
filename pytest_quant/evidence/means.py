"""Intervals for the mean of one score per sample, and for the difference of two such means on the same samples.

Scores with bounds, drawn without replacement: betting (`pytest_quant.evidence.sequential`), so each bound is wrong with
probability at most 1 - confidence for every content of the dataset and at all times at once. That holds for a number of
samples that was fixed before, too. Scores without bounds have no such interval, since a single unseen sample could hold
any value: then the paired bootstrap (`pytest_quant.evidence.bootstrap`), which is approximate.
``benchmarks/mean_study.py`` prints the simulated coverage of both.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_quant.evidence.bootstrap import bootstrap_interval
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.proportion import check_population
from pytest_quant.evidence.sequential import Outcomes, confidence_sequence

_Floats = NDArray[np.float64]

_ENDLESS = 1 << 20
"""For new samples: a dataset so many times as large as the sample is drawn from as if nothing were taken from it."""


def contrast(fp32: ArrayLike, int8: ArrayLike, *, retain: float = 1.0, higher_is_better: bool = True) -> _Floats:
    """How much worse int8 is on each sample: ``retain * fp32 - int8``, negated where lower is better.

    >>> contrast([0.5, 0.25], [0.25, 0.25]).tolist(), contrast([2.0], [3.0], higher_is_better=False).tolist()
    ([0.25, 0.0], [1.0])
    """
    one, other = np.asarray(fp32, np.float64), np.asarray(int8, np.float64)
    if one.ndim != 1 or one.shape != other.shape or one.size == 0:
        raise ValueError(f"scores of shapes {one.shape} and {other.shape}: expected (n,), n >= 1, of the same samples")
    return (1.0 if higher_is_better else -1.0) * (retain * one - other)


def contrast_outcomes(
    population: int, maximum: float, *, retain: float = 1.0, higher_is_better: bool = True
) -> Outcomes:
    """What a `contrast` of scores in [0, maximum] can be, for the sequential test of its mean."""
    if higher_is_better:
        return Outcomes(population, -maximum, retain * maximum, None)
    return Outcomes(population, -retain * maximum, maximum, None)


def mean_interval(
    values: ArrayLike, bounds: tuple[float, float], *, population: int | None, confidence: float
) -> Interval:
    """Interval for the mean of values that lie within bounds, without any assumption on them.

    Args:
        values: Shape (n,), n >= 1, in the seeded order.
        bounds: Least and largest possible value.
        population: Number N of samples in the dataset that these were drawn from without replacement; N = n gives the
            mean itself. None: for the mean of new samples like these.
        confidence: One-sided confidence of each bound, between 0.5 and 1.

    Returns:
        Bounds in the unit of the values, valid at a fixed number of samples and after any early stop.

    >>> import numpy as np
    >>> interval = mean_interval(np.full(300, 0.5), (0.0, 1.0), population=1000, confidence=0.95)
    >>> f"{interval.low:.3f} {interval.high:.3f}"
    '0.494 0.506'

    """
    array = np.asarray(values, np.float64)
    check_population(population, array.size)
    size = array.size * _ENDLESS if population is None else population
    found = confidence_sequence(array, Outcomes(size, *bounds, None), confidence=confidence)
    if population == array.size:
        return found
    how = "without replacement" if population is not None else "for new samples"
    return Interval(found.low, found.high, found.level, f"exact: betting on bounded scores, {how}")


def bootstrap_mean_interval(values: ArrayLike, *, scale: float, population: int | None, confidence: float) -> Interval:
    """Approximate interval for the mean of values without bounds: samples are resampled with replacement.

    The arguments are those of `mean_interval`; ``scale`` is the largest magnitude of a score, which a sample that was
    not seen may have where all that were seen are alike.
    """
    array = np.asarray(values, np.float64)
    return bootstrap_interval(
        _mean_of(array), scale=scale, images=array.size, population=population, confidence=confidence
    )


def _mean_of(values: _Floats) -> Callable[[NDArray[np.int64]], _Floats]:
    def mean(counts: NDArray[np.int64]) -> _Floats:
        found: _Floats = (counts @ values) / counts.sum(axis=1)
        return found

    return mean
