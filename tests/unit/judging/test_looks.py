from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.evidence.looks import LookPlan
from pytest_quant.judging.early_stop import EarlyStop, early_stop
from pytest_quant.judging.intervals import measured_drop
from pytest_quant.judging.limits.base import JudgedLimit
from pytest_quant.judging.limits.classes import ClassTolerance
from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.judging.looks import Looks
from pytest_quant.spec.metric import SQNR_DB, Metric
from pytest_quant.tasks.base import Comparison, Flips, MetricPair, Resampled
from tests.unit.measurements import measured
from tests.unit.metrics import METRICS

HMEAN, NME = Metric("hmean", "fraction"), Metric("nme", "px", maximum=None, is_mean_of_scores=True)
MIOU = Metric("mIoU", "%", has_classes=True)
TOP1 = METRICS["top1"]
CONFIDENCE = 0.95


def test_which_limits_are_decided_how() -> None:
    hmean, top1 = Tolerance(HMEAN, 0.01), Tolerance(TOP1, 1.0)
    assert isinstance(early_stop([top1], 1000, 1000, CONFIDENCE), EarlyStop)
    looked: list[list[JudgedLimit]] = [[hmean], [hmean, top1], [Floor(HMEAN, 0.7), hmean]]
    for limits in looked:
        rule = early_stop(limits, 1000, 1000, CONFIDENCE)
        assert isinstance(rule, Looks), limits
        assert rule.plan.sizes == (250, 500, 750, 1000)
    whole: list[list[JudgedLimit]] = [[hmean, ClassTolerance(MIOU, 1.0)], [Floor(SQNR_DB, 20.0)], []]
    whole.append([Tolerance(NME, 1.0)])
    for limits in whole:
        assert early_stop(limits, 1000, 1000, CONFIDENCE) is None, limits
    assert early_stop([hmean], 130, 1000, CONFIDENCE) is None, "too few samples to look at a part of them"


def comparison(drop: float, images: int) -> Comparison:
    hits = np.linspace(0.6, 1.0, images)
    lost = hits - drop * (np.arange(images) % 5 == 0) * 5

    def mean(values: NDArray[Any]) -> object:
        return lambda counts: (counts @ values) / counts.sum(axis=1)

    evidence = Resampled(images, mean(hits), mean(lost))  # type: ignore[arg-type]
    pair = MetricPair(HMEAN, float(hits.mean()), float(lost.mean()), evidence)
    return Comparison({"hmean": pair}, Flips(0, 0, 100.0))


def at_look(drop: float, number: int, total: int = 1000):  # type: ignore[no-untyped-def]
    look = LookPlan.of(total, total).looks[number - 1]
    found = measured(
        [True] * look.size, [True] * look.size, total=total, comparison=comparison(drop, look.size), sequential=True
    )
    return replace(found, look=look)


@pytest.mark.parametrize(
    ("drop", "first", "second"),
    [(0.0, True, True), (0.02, False, False), (0.1, True, True)],
)
def test_what_is_enough(drop: float, first: bool, second: bool) -> None:
    """Limits of a tolerance of 0.02: clearly kept, on the edge, clearly broken; one open limit keeps it going."""
    rule = early_stop([Tolerance(HMEAN, 0.02)], 1000, 1000, CONFIDENCE)
    assert isinstance(rule, Looks)
    assert rule.is_enough(at_look(drop, 2)) is first
    both = early_stop([Tolerance(HMEAN, 0.02), Floor(HMEAN, 0.8 - drop)], 1000, 1000, CONFIDENCE)
    assert isinstance(both, Looks)
    assert not both.is_enough(at_look(drop, 2)), "the floor is just where int8 is"
    missing = early_stop([Tolerance(HMEAN, 0.02), Tolerance(replace(HMEAN, name="recall"), 0.02)], 1000, 1000, 0.95)
    assert isinstance(missing, Looks)
    assert not missing.is_enough(at_look(drop, 2)), "its case says that it was not measured"


def test_a_relative_tolerance_and_a_floor_at_a_look() -> None:
    for limit, wrong in ((Tolerance(HMEAN, 0.05, relative=True), 0.2), (Floor(HMEAN, 0.7), 0.3)):
        assert limit.of_measured(at_look(0.0, 2), CONFIDENCE).decision == "pass"
        assert limit.of_measured(at_look(wrong, 2), CONFIDENCE).decision == "fail"


def test_the_interval_at_a_look() -> None:
    """Labelled with what holds over all looks; wider than a subset's, and the sooner the wider at equal spread."""
    found = at_look(0.02, 2)
    looked = measured_drop(found, found.comparison.metrics["hmean"], CONFIDENCE)
    fixed = replace(found, look=None, sequential=False, intervals={})
    subset = measured_drop(fixed, fixed.comparison.metrics["hmean"], CONFIDENCE)
    assert looked.level == subset.level == 0.9
    assert looked.low < subset.low < subset.high < looked.high
    assert looked.method.startswith("approximate: normal, paired bootstrap over images, finite population; ")
    assert looked.method.endswith("repeated at look 2 of 4, alpha spending")
    reason = Tolerance(HMEAN, 0.02).of_measured(found, CONFIDENCE).reason
    assert ", look 2 of 4, approximate, n = 500 of 1000)" in reason
    assert " ? 0.02" in reason


def test_the_whole_dataset_is_exact_as_ever() -> None:
    """The last look makes no error, so it takes none: the verdict is the plain comparison."""
    whole = at_look(0.02, 4)
    verdict = Tolerance(HMEAN, 0.0200001).of_measured(whole, CONFIDENCE)
    assert verdict.decision == "pass"
    assert "look" not in verdict.reason
    assert Tolerance(HMEAN, 0.0199).of_measured(replace(whole, intervals={}), CONFIDENCE).decision == "fail"
