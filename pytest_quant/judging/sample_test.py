"""The sequential test of one limit: whether it is kept on the whole dataset, told sample by sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evidence.means import contrast, contrast_outcomes
from pytest_quant.evidence.sequential import Outcomes, SequentialTest
from pytest_quant.judging.evidence import counted, right_wrong, sample_scores
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import MetricPair


class SampleTest:
    """Takes samples in the seeded order until the mean of some outcome of theirs is surely within a limit, or not."""

    def __init__(
        self,
        values: Callable[[MetricPair], NDArray[np.float64]],
        outcomes: Outcomes,
        *,
        limit: float,
        confidence: float,
    ) -> None:
        """``values`` gives one of the possible ``outcomes`` per sample; their mean must not exceed ``limit``."""
        self._values = values
        self._test = SequentialTest(outcomes, limit=limit, confidence=confidence)

    def update(self, pair: MetricPair) -> None:
        """Take the next samples, in the seeded order."""
        self._test.update(self._values(pair))

    @property
    def kept(self) -> bool | None:
        """Whether the limit is kept; None while undecided."""
        return None if self._test.decision == "undecided" else self._test.decision == "within"

    @property
    def decided_at(self) -> int | None:
        """How many samples the decision took."""
        return self._test.decided_at


def drop_test(metric: Metric, *, retain: float, amount: float, population: int, confidence: float) -> SampleTest:
    """Of ``retain * fp32 - int8``, or of ``int8 - retain * fp32`` where lower is better, for a mean of what has bounds.

    ``amount`` is the most that it may be, in the metric's own unit.
    """
    better = metric.higher_is_better
    if metric.is_mean_of_hits:
        lowest, highest = (-1.0, retain) if better else (-retain, 1.0)
        outcomes = Outcomes(population, lowest, highest, 1.0 if retain == 1.0 else None)
        return SampleTest(
            lambda pair: contrast(*counted(pair), retain=retain, higher_is_better=better),
            outcomes,
            limit=amount / metric.range,
            confidence=confidence,
        )
    outcomes = contrast_outcomes(population, metric.range, retain=retain, higher_is_better=better)

    def values(pair: MetricPair) -> NDArray[np.float64]:
        scores = sample_scores(pair)
        return contrast(scores.fp32, scores.int8, retain=retain, higher_is_better=better)

    return SampleTest(values, outcomes, limit=amount, confidence=confidence)


def floor_test(metric: Metric, value: float, *, population: int, confidence: float) -> SampleTest:
    """Of how far int8 is from the best value, for a mean of what has bounds; ``value`` is in the metric's own unit."""
    missing = metric.range - value if metric.higher_is_better else value
    if metric.is_mean_of_hits:
        return SampleTest(
            lambda pair: (~right_wrong(pair).int8).astype(np.float64),
            Outcomes.of_score(population),
            limit=missing / metric.range,
            confidence=confidence,
        )

    def values(pair: MetricPair) -> NDArray[np.float64]:
        scores = sample_scores(pair).int8
        return metric.range - scores if metric.higher_is_better else scores

    return SampleTest(values, Outcomes(population, 0.0, metric.range, None), limit=missing, confidence=confidence)
