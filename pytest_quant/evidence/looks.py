"""Group-sequential looks at a finite dataset: when to look, and how sure a bound must be there.

For what has no anytime-valid test: hmean, AP, mIoU and their kin, whose variance the bootstrap tells. K. K. G. Lan and
D. L. DeMets, "Discrete sequential boundaries for clinical trials" (Biometrika 70, 1983), with their spending function
of the form of P. C. O'Brien and T. R. Fleming (Biometrics 35, 1979): hardly any of the error is spent early, where the
normal approximation is worst. At every look each bound is moved outwards, so that the bounds of all looks together are
wrong with probability at most 1 - confidence in either direction: C. Jennison and B. W. Turnbull, "Repeated confidence
intervals" (J. R. Statist. Soc. B 51, 1989). So it does not matter which rule ends the evaluation, nor who else looks.

A random order of a finite dataset: the value on the first n of N samples, less that on all, has a variance in
proportion to 1/n - 1/N, and values at two sizes are correlated by the root of the ratio of these. So the boundaries
depend on the sizes alone. At n = N there is no variance left and no error to be made: the last size that is smaller has
all of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evidence.interval import two_sided_level

_Floats = NDArray[np.float64]

FRACTIONS = (0.25, 0.5, 0.75)
"""Of the samples that are to be evaluated; the last look is at all of them. Chosen with benchmarks/looks_study.py."""
LEAST_IMAGES = 100
"""Before so many there is no look."""

_REACH = 8.0
"""Standard deviations: nothing that happens is farther out."""
_POINTS = 513
_SUREST = 1.0 - 1e-15


@dataclass(frozen=True)
class LookPlan:
    """At how many samples a dataset is looked at.

    >>> plan = LookPlan.of(1000, 1000)
    >>> plan.sizes, [round(one, 4) for one in plan.confidences(0.95)]
    ((250, 500, 750, 1000), [0.9993, 0.984, 0.9607, 0.9607])

    """

    sizes: tuple[int, ...]
    """Rising; the last is all samples that are to be evaluated."""
    population: int
    """The samples of the dataset, of which these are the first in a random order."""

    def __post_init__(self) -> None:
        rising = all(one < other for one, other in zip((0, *self.sizes), self.sizes, strict=False))
        if not self.sizes or not rising or self.sizes[-1] > self.population:
            raise ValueError(f"looks at {self.sizes} of {self.population} samples: expected rising sizes")

    @classmethod
    def of(
        cls, samples: int, population: int, fractions: Sequence[float] = FRACTIONS, least: int = LEAST_IMAGES
    ) -> LookPlan:
        """The looks at an evaluation of ``samples`` of ``population``."""
        early = (math.ceil(fraction * samples) for fraction in fractions)
        return cls((*(size for size in early if least <= size < samples), samples), population)

    @property
    def looks(self) -> tuple[Look, ...]:
        """Each of them, in order."""
        return tuple(Look(self, number) for number in range(1, len(self.sizes) + 1))

    def confidences(self, confidence: float) -> tuple[float, ...]:
        """How sure each bound must be at each look, one-sided, for all looks together to have ``confidence``.

        A look at the whole dataset has no bounds; what stands there is that of the look before.
        """
        two_sided_level(confidence)
        return _confidences(self, confidence)


@dataclass(frozen=True)
class Look:
    """One look of a plan."""

    plan: LookPlan
    number: int
    """From 1."""

    @property
    def size(self) -> int:
        """At how many samples."""
        return self.plan.sizes[self.number - 1]

    @property
    def count(self) -> int:
        """How many looks there are."""
        return len(self.plan.sizes)

    @property
    def is_last(self) -> bool:
        """Whether all samples that are to be evaluated are there."""
        return self.number == self.count

    def confidence(self, together: float) -> float:
        """How sure each bound must be here, one-sided, for those of all looks to have the confidence ``together``."""
        return self.plan.confidences(together)[self.number - 1]


@lru_cache(maxsize=256)
def _confidences(plan: LookPlan, confidence: float) -> tuple[float, ...]:
    from scipy.special import ndtr

    sizes = np.array([size for size in plan.sizes if size < plan.population], np.float64)
    if not sizes.size:
        return (confidence,)
    information = 1.0 / (1.0 / sizes - 1.0 / plan.population)
    limits = boundaries(sizes / sizes[-1], information, 1.0 - confidence)
    found = [min(float(ndtr(limit)), _SUREST) for limit in limits]
    return tuple(found + found[-1:] * (len(plan.sizes) - len(found)))


def spent(time: float, error: float) -> float:
    """How much of a one-sided error is spent by a time in (0, 1], in the form of O'Brien and Fleming.

    >>> round(spent(0.25, 0.05), 6), round(spent(1.0, 0.05), 6)
    (8.9e-05, 0.05)
    """
    from scipy.special import ndtr, ndtri

    return float(2.0 * ndtr(ndtri(error / 2.0) / math.sqrt(time)))


def boundaries(times: Sequence[float] | _Floats, information: Sequence[float] | _Floats, error: float) -> list[float]:
    """What a standard normal statistic must exceed at each look, which it does at any of them with ``error``.

    Args:
        times: How far each look is, rising to 1; they say how much of the error is spent.
        information: One over the variance at each look, rising, in any unit; it says how the looks are correlated.
        error: One-sided, of all looks together.

    >>> [round(z, 4) for z in boundaries([0.2, 0.4, 0.6, 0.8, 1.0], [1, 2, 3, 4, 5], 0.025)]
    [4.8769, 3.357, 2.6803, 2.2898, 2.031]

    """
    found: list[float] = []
    before, known, density = 0.0, 0.0, None
    for time, now in zip(times, information, strict=True):
        share = spent(float(time), error)
        looks = _Look(None, 0.0) if density is None else _Look(density, math.sqrt(known / float(now)))
        limit = looks.exceeded_with(share - before)
        found.append(limit)
        density, before, known = looks.below(limit), share, float(now)
    return found


@dataclass(frozen=True)
class _Density:
    """Of the statistic at a look, where no look so far exceeded its limit: points, weights of a rule, and heights."""

    points: _Floats
    masses: _Floats


@dataclass(frozen=True)
class _Look:
    """A look after those that ``before`` tells of, which it is correlated with."""

    before: _Density | None
    correlation: float

    @property
    def _spread(self) -> float:
        return math.sqrt(1.0 - self.correlation**2)

    def exceeding(self, limit: float) -> float:
        """How likely it is to be the first that exceeds its limit."""
        from scipy.special import ndtr

        if self.before is None:
            return float(ndtr(-limit))
        beyond = ndtr((self.correlation * self.before.points - limit) / self._spread)
        return float(self.before.masses @ beyond)

    def exceeded_with(self, error: float) -> float:
        """The limit that it exceeds so often."""
        from scipy.special import ndtri

        if self.before is None:
            return min(float(-ndtri(error)), _REACH)
        low, high = -_REACH, _REACH
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.exceeding(middle) > error else (low, middle)
        return (low + high) / 2

    def below(self, limit: float) -> _Density:
        """What is left below a limit."""
        points: _Floats = np.linspace(-_REACH, limit, _POINTS, dtype=np.float64)
        heights = self._heights(points)
        weights = np.ones(_POINTS)
        weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0  # Simpson's rule
        return _Density(points, heights * weights * (points[1] - points[0]) / 3.0)

    def _heights(self, points: _Floats) -> _Floats:
        if self.before is None:
            return _normal(points)
        away = (points[:, np.newaxis] - self.correlation * self.before.points) / self._spread
        heights: _Floats = _normal(away) @ self.before.masses / self._spread
        return heights


def _normal(values: _Floats) -> _Floats:
    density: _Floats = np.exp(-0.5 * values**2) / math.sqrt(2.0 * math.pi)
    return density
