"""The sequential test of one limit: whether it is kept on the whole dataset, told sample by sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evidence.sequential import Outcomes, SequentialTest, drop_outcomes
from pytest_quant.judging.evidence import counted, right_wrong
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
    """Of ``retain * fp32 - int8``, or of ``int8 - retain * fp32`` where lower is better, for a mean of hits."""
    sign = 1.0 if metric.higher_is_better else -1.0
    if metric.higher_is_better:
        outcomes = Outcomes.of_drop(population, retain)
    else:
        outcomes = Outcomes(population, -retain, 1.0, 1.0 if retain == 1.0 else None)

    def values(pair: MetricPair) -> NDArray[np.float64]:
        fp32, int8 = counted(pair)
        return sign * drop_outcomes(fp32, int8, retain)

    return SampleTest(values, outcomes, limit=amount / metric.range, confidence=confidence)


def floor_test(metric: Metric, value: float, *, population: int, confidence: float) -> SampleTest:
    """Of the share of samples that int8 has wrong, for a mean of hits."""
    share = value / metric.range

    def values(pair: MetricPair) -> NDArray[np.float64]:
        return (~right_wrong(pair).int8).astype(np.float64)

    limit = 1.0 - share if metric.higher_is_better else share
    return SampleTest(values, Outcomes.of_score(population), limit=limit, confidence=confidence)
