"""Anytime-valid test and confidence sequence for the mean of a finite dataset, sampled without replacement.

A bettor starts with capital 1 and bets, before each outcome, that the mean of the dataset lies on the other side of
the limit. While it does not, the capital is a nonnegative supermartingale over a uniformly random order, so it
reaches 1 / error with probability at most `error`, however often one looks (Ville 1939). Sources: I. Waudby-Smith
and A. Ramdas, "Confidence sequences for sampling without replacement" (NeurIPS 2020) and "Estimating means of bounded
random variables by betting" (J. R. Statist. Soc. B 86, 2024; arXiv 2010.09686). The bets are a mixture of constant
stakes, as in T. M. Cover's universal portfolios (1991).

If the mean is at the limit m, the outcomes still to come have the mean ``C = (N m - sum so far) / (N - drawn)``. With
a stake a in (0, 1), a bet on larger outcomes multiplies its capital by ``1 - a + a (x - low) / (C - low)``, a bet on
smaller ones by ``1 - a + a (high - x) / (high - C)``; both have expectation 1 under the limit and are never negative.
Outcomes of a paired comparison are mostly zero, and the best stake is then about the distance from the limit over the
discordance: from a few hundredths to nearly one. The stakes cover that range evenly in their logits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_quant.evidence.interval import Interval, two_sided_level
from pytest_quant.evidence.proportion import as_outcomes

Standing = Literal["within", "beyond", "undecided"]

_Floats = NDArray[np.float64]

_LOGITS = np.arange(-6.0, 5.01, 0.4)
_STAKES: _Floats = 1.0 / (1.0 + np.exp(-_LOGITS))
# Centre and spread: chosen with benchmarks/early_stop_study.py for a tolerance of one point and discordances of
# 1 to 5 %, wide enough for tolerances from 0.1 to 2 points and discordances from 0.2 to 15 %.
_WEIGHTS: _Floats = np.exp(-0.5 * ((_LOGITS - 0.4) / 2.0) ** 2)
_WEIGHTS /= _WEIGHTS.sum()

_BLOCK = 512
_TINY = 1e-12
_ROUNDING = 1e-9  # of a sum of outcomes
_FINE_STEPS = 1 << 24


@dataclass(frozen=True)
class Outcomes:
    """What one outcome can be, and how many there are.

    Attributes:
        population: Number of samples in the dataset.
        low: Least possible outcome.
        high: Largest possible outcome.
        step: Distance of neighbouring sums of outcomes if they are multiples of it, else None.

    """

    population: int
    low: float
    high: float
    step: float | None

    def __post_init__(self) -> None:
        if self.population < 1 or not self.low < self.high:
            raise ValueError(f"a dataset of {self.population} with outcomes from {self.low} to {self.high}")

    @classmethod
    def of_drop(cls, population: int, retain: float = 1.0) -> Outcomes:
        """``retain * fp32_right - int8_right``: in {-1, 0, 1}, or {-1, retain - 1, 0, retain}."""
        if not 0.0 < retain < 2.0:
            raise ValueError(f"retain {retain} must lie between 0 and 2, both excluded")
        return cls(population, -1.0, retain, 1.0 if retain == 1.0 else None)

    @classmethod
    def of_score(cls, population: int) -> Outcomes:
        """Right or wrong: in {0, 1}."""
        return cls(population, 0.0, 1.0, 1.0)


def drop_outcomes(fp32_right: ArrayLike, int8_right: ArrayLike, retain: float = 1.0) -> _Floats:
    """Outcome of each sample for a test of the drop: ``retain * fp32_right - int8_right``.

    Args:
        fp32_right: Boolean, shape (n,), in the seeded order.
        int8_right: Boolean, shape (n,), same order.
        retain: 1 - r for a relative tolerance r, 1 + r where arrays tell what is wrong; 1 for the plain drop.

    >>> import numpy as np
    >>> drop_outcomes(np.array([True, True, False]), np.array([True, False, True])).tolist()
    [0.0, 1.0, -1.0]

    """
    fp32, int8 = as_outcomes(fp32_right, "fp32_right"), as_outcomes(int8_right, "int8_right")
    if fp32.size != int8.size:
        raise ValueError(f"fp32_right has {fp32.size} outcomes, int8_right {int8.size}: not the same samples")
    return retain * fp32.astype(np.float64) - int8.astype(np.float64)


class _Bettor:
    """Capital of the bets against one hypothesis: sum of the dataset <= `total` (sign 1) or >= `total` (sign -1)."""

    def __init__(self, outcomes: Outcomes, total: float, sign: int, error: float) -> None:
        self.sign, self.total, self.goal = sign, sign * total, 1.0 / error
        self.least = outcomes.low if sign > 0 else -outcomes.high
        self.population = outcomes.population
        self.capital: _Floats = _WEIGHTS.copy()

    def first_win(self, block: _Floats, drawn: int, total: float) -> int | None:
        """Bet on a block of outcomes; index of the first after which the hypothesis is refuted.

        Args:
            block: Outcomes, shape (k,), after `drawn` earlier ones whose sum is `total`.
            drawn: Number of earlier outcomes.
            total: Their sum.

        """
        values = self.sign * block
        sums = self.sign * total + np.concatenate(([0.0], np.cumsum(values)))
        left = self.population - drawn - np.arange(block.size + 1)
        expected = (self.total - sums[:-1]) / left[:-1] - self.least
        gains = (values - self.least) / np.maximum(expected, _TINY) - 1.0
        with np.errstate(over="ignore"):
            paths = np.cumprod(1.0 + gains[:, np.newaxis] * _STAKES, axis=0)
            paths *= self.capital
            self.capital = paths[-1]
            won = paths.sum(axis=1) >= self.goal
        won |= sums[1:] + left[1:] * self.least > self.total + _ROUNDING
        return int(np.argmax(won)) if won.any() else None


class SequentialTest:
    """Decides, outcome by outcome, whether the mean of the whole dataset is at most a limit.

    Feed outcomes in the seeded order; the order must be uniformly random and unrelated to the outcomes. Deciding
    "within" although the mean is above the limit, and "beyond" although it is not, each happen with probability at
    most 1 - confidence, whatever the dataset holds and whenever one looks. Once all samples are in, the decision is
    the plain comparison.

    Args:
        outcomes: What an outcome can be (`Outcomes.of_drop`, `Outcomes.of_score`).
        limit: Largest allowed mean, in the unit of an outcome (a fraction for right or wrong).
        confidence: One-sided confidence of each decision, between 0.5 and 1.

    Attributes:
        drawn: Number of outcomes so far.
        decision: "within", "beyond" or "undecided"; it does not change before the dataset is exhausted.
        decided_at: Number of outcomes that the decision needed, or None.

    >>> import numpy as np
    >>> test = SequentialTest(Outcomes.of_drop(50000), limit=0.01, confidence=0.95)
    >>> test.update(np.zeros(400))
    'undecided'
    >>> test.update(np.zeros(400)), test.decided_at
    ('within', 414)

    """

    def __init__(self, outcomes: Outcomes, *, limit: float, confidence: float) -> None:
        two_sided_level(confidence)
        self.outcomes, self.limit = outcomes, limit
        self._largest_within, least_beyond = _sums_beside(outcomes, limit)
        error = 1.0 - confidence
        self._against_within = _Bettor(outcomes, self._largest_within, 1, error)
        self._against_beyond = _Bettor(outcomes, least_beyond, -1, error)
        self._total = 0.0
        self.drawn = 0
        self.decision: Standing = "undecided"
        self.decided_at: int | None = None

    def update(self, values: ArrayLike) -> Standing:
        """Take the next outcomes, shape (k,), k >= 0, in order; return the decision so far.

        Raises:
            ValueError: For outcomes out of their range, or more of them than the dataset has.

        """
        array = _checked(values, self.outcomes, self.drawn)
        for start in range(0, array.size, _BLOCK):
            self._take(array[start : start + _BLOCK])
        return self.decision

    def _take(self, block: _Floats) -> None:
        if self.decision == "undecided":
            beyond = self._against_within.first_win(block, self.drawn, self._total)
            within = self._against_beyond.first_win(block, self.drawn, self._total)
            first = min(block.size if index is None else index for index in (beyond, within))
            if first < block.size:
                self.decision = "beyond" if first == beyond else "within"
                self.decided_at = self.drawn + first + 1
        self.drawn += block.size
        self._total += float(block.sum())
        if self.drawn == self.outcomes.population:
            self.decision = "within" if self._total <= self._largest_within + _ROUNDING else "beyond"
            self.decided_at = self.decided_at or self.drawn


def sequential_decision(
    values: ArrayLike, outcomes: Outcomes, *, limit: float, confidence: float
) -> tuple[Standing, int | None]:
    """Standing of a `SequentialTest` on outcomes of shape (n,), and how many of them it needed.

    >>> import numpy as np
    >>> sequential_decision(np.ones(50), Outcomes.of_drop(50000), limit=0.01, confidence=0.95)
    ('beyond', 6)
    """
    test = SequentialTest(outcomes, limit=limit, confidence=confidence)
    return test.update(values), test.decided_at


def confidence_sequence(values: ArrayLike, outcomes: Outcomes, *, confidence: float) -> Interval:
    """Bounds for the mean of the whole dataset that hold at all times at once.

    They stay valid after a stop that depended on the outcomes, and they agree with `SequentialTest`: a decision for a
    limit, at any time up to now, is a bound on that side of it. Wider than a fixed-size interval in return.

    Args:
        values: Outcomes so far, shape (n,), n >= 1, in the seeded order.
        outcomes: What an outcome can be.
        confidence: One-sided confidence of each bound, between 0.5 and 1.

    Returns:
        Bounds in the unit of an outcome, each the intersection of the bounds up to now. The whole dataset gives its
        mean.

    >>> import numpy as np
    >>> sequence = confidence_sequence(np.zeros(414), Outcomes.of_drop(50000), confidence=0.95)
    >>> sequence.low, sequence.high
    (-0.01, 0.01)

    """
    level = two_sided_level(confidence)
    array = _checked(values, outcomes, 0)
    population, left = outcomes.population, outcomes.population - array.size
    total = float(array.sum())
    if left == 0:
        return Interval(total / population, total / population, level, "whole dataset")
    least, most = total + left * outcomes.low, total + left * outcomes.high
    steps = round((most - least) / outcomes.step) if outcomes.step else _FINE_STEPS
    width = (most - least) / steps
    error = 1.0 - confidence
    above = _refuted_steps(array, outcomes, most, -width, steps, error)
    below = _refuted_steps(array, outcomes, least, width, steps, error)
    if outcomes.step is None:  # the first sum that is not refuted lies somewhere in the last refuted step
        above, below = max(above - 1, 0), max(below - 1, 0)
    low, high = (least + below * width) / population, (most - above * width) / population
    # The intersection is empty with a probability below the two errors together; then either bound stands for both.
    return Interval(min(low, high), max(low, high), level, "confidence sequence by betting, without replacement")


def _refuted_steps(
    values: _Floats, outcomes: Outcomes, outermost: float, width: float, steps: int, error: float
) -> int:
    """How many sums, from the outermost inwards, were refuted at some time."""

    def refuted(index: int) -> bool:
        bettor = _Bettor(outcomes, outermost + index * width, 1 if width > 0 else -1, error)
        drawn, total = 0, 0.0
        for start in range(0, values.size, _BLOCK):
            block = values[start : start + _BLOCK]
            if bettor.first_win(block, drawn, total) is not None:
                return True
            drawn, total = drawn + block.size, total + float(block.sum())
        return False

    low, high = 0, steps + 1  # the sums before `low` are refuted, the one at `high` is not
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if refuted(middle) else (low, middle)
    return low


def _sums_beside(outcomes: Outcomes, limit: float) -> tuple[float, float]:
    """Largest sum of the dataset whose mean is within the limit, and the least one beyond it."""
    total = limit * outcomes.population
    if outcomes.step is None:
        return total, total
    within = math.floor(total / outcomes.step + _ROUNDING) * outcomes.step
    return within, within + outcomes.step


def _checked(values: ArrayLike, outcomes: Outcomes, drawn: int) -> _Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"outcomes must have shape (k,); got {array.shape}")
    if drawn + array.size > outcomes.population:
        raise ValueError(f"{drawn + array.size} outcomes of a dataset of {outcomes.population}")
    if array.size and not (outcomes.low <= array.min() and array.max() <= outcomes.high):
        raise ValueError(
            f"outcomes from {array.min()} to {array.max()} leave their range {outcomes.low} to {outcomes.high}"
        )
    return array
