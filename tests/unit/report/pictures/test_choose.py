from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.report.pictures.choose import choose
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import Comparison, Flips, MetricPair, Moved, Resampled, SampleScores
from tests.unit.measurements import measured, outcomes


def samples(count: int) -> list[Sample]:
    return [Sample(str(index), 0, index) for index in range(count)]


def changes(comparison: Comparison, count: int, most: int) -> list[tuple[int, str]]:
    return [(one.index, one.change) for one in choose(samples(count), comparison, most)]


def test_all_flips_are_shown_where_there_is_room() -> None:
    found = measured(*outcomes(2, 2, 1, 1)).comparison
    assert changes(found, 6, 24) == [(2, "lost"), (3, "lost"), (4, "gained"), (0, "same")]
    assert changes(found, 6, 3) == [(2, "lost"), (3, "lost"), (4, "gained")]


@pytest.mark.parametrize(("lost", "gained", "shown"), [(100, 100, (18, 6)), (100, 2, (22, 2)), (3, 100, (3, 21))])
def test_what_was_lost_has_the_larger_part(lost: int, gained: int, shown: tuple[int, int]) -> None:
    found = changes(measured(*outcomes(0, lost, gained, 0)).comparison, lost + gained, 24)
    assert tuple(sum(change == wanted for _, change in found) for wanted in ("lost", "gained")) == shown


def test_without_a_flip_some_samples_are_shown() -> None:
    assert changes(measured(*outcomes(9, 0, 0, 0)).comparison, 9, 24) == [(i, "same") for i in range(4)]
    assert changes(measured(*outcomes(9, 0, 0, 0)).comparison, 9, 1) == [(0, "same")]


def scores(metric: Metric) -> Comparison:
    evidence = SampleScores(np.array([0.5, 0.5, 0.5, 0.5]), np.array([0.4, 0.9, 0.5, 0.1]))
    return Comparison({metric.name: MetricPair(metric, 0.5, 0.5, evidence)}, Flips(2, 1, 25.0))


def test_of_scores_those_that_moved_most_come_first() -> None:
    up = Metric("x", "fraction", is_mean_of_scores=True)
    down = Metric("x", "fraction", higher_is_better=False, is_mean_of_scores=True)
    assert changes(scores(up), 4, 24) == [(3, "lost"), (0, "lost"), (1, "gained"), (2, "same")]
    assert changes(scores(down), 4, 2) == [(1, "lost"), (3, "gained")]


def half(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.full(len(counts), 0.5)


def test_of_a_metric_of_the_whole_the_samples_that_moved_are_shown() -> None:
    evidence = Resampled(6, half, half)
    pair = MetricPair(Metric("hmean", "fraction"), 0.5, 0.5, evidence)
    moved = (Moved("4", 3, 0), Moved("1", 0, 1))
    found = changes(Comparison({"hmean": pair}, Flips(3, 1, 50.0), moved=moved), 6, 24)
    assert found == [(4, "lost"), (1, "gained"), (0, "same"), (2, "same")]
