"""Metrics of which less is better: every decision goes the other way, on the same evidence."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.judging.baseline import Baseline, BaselineEntry, current_environment
from pytest_quant.judging.early_stop import EarlyStop, early_stop
from pytest_quant.judging.evidence import drop_interval, score_interval
from pytest_quant.judging.limits.baseline import NoWorse
from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.published import Published
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import Comparison, Flips, MetricPair, Recompute, Resampled, RightWrong
from tests.unit.measurements import measured, outcomes, some_model
from tests.unit.metrics import METRICS

CONFIDENCE = 0.95
ERROR = Metric("error", "%", higher_is_better=False, is_mean_of_hits=True)
NME = Metric("nme", "fraction", higher_is_better=False)
hits = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=24)


def mirrored(measurement: Measurement) -> Measurement:
    """The same samples, their error rate being what is measured."""
    pair = measurement.comparison.metrics["top1"]
    error = MetricPair(ERROR, 100 - pair.fp32, 100 - pair.int8, pair.evidence)
    changes = {"comparison": Comparison({"error": error}, measurement.comparison.flips)}
    known = {name: getattr(measurement, name) for name in measurement.__dataclass_fields__}
    return Measurement(**(known | changes | {"intervals": {}}))


def wrong(fp32: int, int8: int, n: int = 100, total: int | None = None) -> Measurement:
    """An error rate: how many of ``n`` samples each side has wrong."""
    sides = ([True] * (n - count) + [False] * count for count in (fp32, int8))
    return mirrored(measured(*sides, total=total))


def test_an_error_rate_that_goes_from_13_to_92_fails() -> None:
    verdict = Tolerance(ERROR, 1.0).of_measured(wrong(13, 92), CONFIDENCE)
    assert (verdict.decision, verdict.value, verdict.limit) == ("fail", 79.0, 1.0)
    assert verdict.reason.startswith("drop = int8 - fp32 = 92.00 - 13.00 = 79.00 points (90% CI ")
    assert verdict.reason.endswith(", n = 100 of 100) > 1.00")
    assert Floor(ERROR, 20.0).of_measured(wrong(13, 92), CONFIDENCE).decision == "fail"


def test_an_error_rate_that_falls_passes_and_is_remarked() -> None:
    verdict = Tolerance(ERROR, 1.0).of_measured(wrong(92, 13), CONFIDENCE)
    assert (verdict.decision, verdict.value) == ("pass", -79.0)
    (remark,) = verdict.warnings
    assert remark.startswith("int8 is better than fp32 by 79.00 points of error: look at the fp32 net")


def test_only_the_worst_error_rate_has_nothing_to_lose() -> None:
    (remark,) = Tolerance(ERROR, 1.0).of_measured(wrong(100, 100), CONFIDENCE).warnings
    assert remark.startswith("fp32 scores 100.00 in error, so no drop is possible and the limit tests nothing")
    assert Tolerance(ERROR, 1.0).of_measured(wrong(0, 0), CONFIDENCE).warnings == ()


@settings(deadline=None, max_examples=30)
@given(hits, st.integers(0, 9), st.integers(0, 30))
def test_a_tolerance_of_the_error_rate_is_that_of_the_accuracy(
    pairs: list[tuple[bool, bool]], samples: int, unseen: int
) -> None:
    one = measured([pair[0] for pair in pairs], [pair[1] for pair in pairs], total=len(pairs) + unseen)
    amount = 100 * samples / len(pairs)
    accuracy = Tolerance(METRICS["top1"], amount).of_measured(one, CONFIDENCE)
    error = Tolerance(ERROR, amount).of_measured(mirrored(one), CONFIDENCE)
    assert (error.decision, error.value) == (accuracy.decision, accuracy.value)


@settings(deadline=None, max_examples=30)
@given(hits, st.integers(0, 24), st.integers(0, 30))
def test_a_ceiling_of_the_error_rate_is_a_floor_of_the_accuracy(
    pairs: list[tuple[bool, bool]], needed: int, unseen: int
) -> None:
    one = measured([pair[0] for pair in pairs], [pair[1] for pair in pairs], total=len(pairs) + unseen)
    floor = 100 * needed / len(pairs)
    accuracy = Floor(METRICS["top1"], floor).of_measured(one, CONFIDENCE)
    error = Floor(ERROR, 100 - floor).of_measured(mirrored(one), CONFIDENCE)
    if one.is_whole:  # there a rounding error of 100 - floor counts, and the two sides round apart
        counted = sum(int8 for _, int8 in pairs)
        if counted == needed:
            return
    assert error.decision == accuracy.decision


@settings(deadline=None, max_examples=40)
@given(hits, st.integers(0, 200))
def test_a_relative_tolerance_is_a_share_of_the_error_rate_of_fp32(
    pairs: list[tuple[bool, bool]], permille: int
) -> None:
    one = mirrored(measured([pair[0] for pair in pairs], [pair[1] for pair in pairs]))
    verdict = Tolerance(ERROR, permille / 1000, relative=True).of_measured(one, CONFIDENCE)
    fp32, int8 = sum(not pair[0] for pair in pairs), sum(not pair[1] for pair in pairs)
    assert verdict.decision == ("pass" if int8 <= (1 + Fraction(permille, 1000)) * fp32 else "fail")


def test_the_formula_of_a_relative_tolerance() -> None:
    verdict = Tolerance(ERROR, 0.05, relative=True).of_measured(wrong(20, 22), CONFIDENCE)
    assert verdict.decision == "fail"
    assert verdict.reason.startswith(
        "drop = int8 - fp32 = 22.00 - 20.00 = 2.00 points > 5 % of fp32 = 1.00 points; int8 - 1.05 * fp32 = 1.00 "
    )


def test_a_relative_tolerance_on_a_subset_goes_by_its_interval() -> None:
    limit = Tolerance(ERROR, 0.05, relative=True)
    assert limit.of_measured(wrong(200, 200, 1000, 4000), CONFIDENCE).decision == "pass"
    assert limit.of_measured(wrong(200, 300, 1000, 4000), CONFIDENCE).decision == "fail"
    assert limit.of_measured(wrong(200, 212, 1000, 50000), CONFIDENCE).decision == "inconclusive"


def test_intervals_are_of_the_error_rate() -> None:
    accuracy = measured(*outcomes(70, 8, 3, 19), total=900)
    error = mirrored(accuracy).comparison.metrics["error"]
    top1 = accuracy.comparison.metrics["top1"]
    drops = [drop_interval(pair, population=900, confidence=CONFIDENCE) for pair in (error, top1)]
    assert (drops[0].low, drops[0].high) == pytest.approx((drops[1].low, drops[1].high))
    own = score_interval(error, "int8", population=900, confidence=CONFIDENCE)
    other = score_interval(top1, "int8", population=900, confidence=CONFIDENCE)
    assert (own.low, own.high) == pytest.approx((100 - other.high, 100 - other.low))
    assert 27.0 in own


@pytest.mark.parametrize(("wrong_int8", "kept"), [(40, True), (400, False)])
def test_the_sequential_test_of_an_error_rate(wrong_int8: int, kept: bool) -> None:
    rng = np.random.default_rng(0)
    fp32 = rng.permutation(np.arange(1000) >= 40)
    int8 = fp32 if wrong_int8 == 40 else rng.permutation(np.arange(1000) >= wrong_int8)
    pair = MetricPair(ERROR, 4.0, wrong_int8 / 10, RightWrong(fp32, int8))
    for limit in (Tolerance(ERROR, 5.0), Tolerance(ERROR, 0.9, relative=True), Floor(ERROR, 15.0)):
        test = limit.sample_test(population=2000, confidence=CONFIDENCE)
        assert test is not None
        test.update(pair)
        assert test.kept is kept, limit
    stop = early_stop([Tolerance(ERROR, 5.0), Floor(ERROR, 15.0)], 2000, 2000, CONFIDENCE)
    assert isinstance(stop, EarlyStop)
    assert stop.update(Comparison({"error": pair}, Flips(0, 0, 0.0))) is not None


def constant(values: list[float]) -> Recompute:
    weights = np.array(values)
    return lambda counts: (counts @ weights) / counts.sum(axis=1)


def resampled(fp32: list[float], int8: list[float], total: int) -> Measurement:
    evidence = Resampled(len(fp32), constant(fp32), constant(int8))
    pair = MetricPair(NME, float(np.mean(fp32)), float(np.mean(int8)), evidence)
    return measured(
        [True] * len(fp32), [True] * len(fp32), total=total, comparison=Comparison({"nme": pair}, Flips(0, 0, 100.0))
    )


def test_a_resampled_metric_of_which_less_is_better() -> None:
    rng = np.random.default_rng(1)
    fp32 = rng.uniform(0.04, 0.06, 200).tolist()
    worse = [value + 0.03 for value in fp32]
    limit = Tolerance(NME, 0.01)
    assert limit.of_measured(resampled(fp32, worse, 200), CONFIDENCE).decision == "fail"
    assert limit.of_measured(resampled(worse, fp32, 200), CONFIDENCE).decision == "pass"
    assert limit.of_measured(resampled(fp32, worse, 5000), CONFIDENCE).decision == "fail"
    assert limit.of_measured(resampled(worse, fp32, 5000), CONFIDENCE).decision == "pass"
    share = Tolerance(NME, 0.1, relative=True)
    assert share.of_measured(resampled(fp32, worse, 5000), CONFIDENCE).decision == "fail"
    assert share.of_measured(resampled(fp32, fp32, 5000), CONFIDENCE).decision == "pass"
    ceiling = Floor(NME, 0.06)
    assert ceiling.of_measured(resampled(fp32, worse, 5000), CONFIDENCE).decision == "fail"
    verdict = ceiling.of_measured(resampled(fp32, fp32, 5000), CONFIDENCE)
    assert verdict.decision == "pass"
    assert verdict.reason.endswith(", n = 200 of 5000) <= 0.0600")


@pytest.mark.parametrize(("before", "decision"), [(13.0, "fail"), (92.0, "pass"), (91.9, "pass"), (91.89, "fail")])
def test_a_baseline_is_broken_by_a_higher_error_rate(before: float, decision: str) -> None:
    measurement = wrong(13, 92)
    entry = BaselineEntry.model_validate(
        {
            "samples": {"evaluated": 100, "total": 100, "seed": 0, "sha256": measurement.samples_sha256},
            "metrics": {"error": {"fp32": 13.0, "int8": before}},
            "files": {},
            "environment": current_environment().model_dump(),
            "predictions": {},
        }
    )
    baseline = Baseline(some_model().zoo, {"m": entry})
    verdict = NoWorse(ERROR, 0.1).of_measured(measurement, baseline, None, CONFIDENCE)
    assert verdict.decision == decision
    assert verdict.reason.startswith(f"int8 - baseline = 92.00 - {before:.2f} = ")


def test_a_published_error_rate_may_be_missed_in_neither_direction() -> None:
    decisions = [
        Published(ERROR, "int8", value, 0.1).of_measured(wrong(13, 92), CONFIDENCE).decision
        for value in (91.8, 92.0, 92.2)
    ]
    assert decisions == ["fail", "pass", "fail"]


def test_how_tables_show_limits() -> None:
    assert Floor.shown(ERROR, 20.0) == "int8 <= 20.00"
    assert Floor.shown(METRICS["top1"], 20.0) == "int8 >= 20.00"
    assert Tolerance.shown(ERROR, 1.0) == "drop <= 1.00"
    assert Tolerance.shown(ERROR, "1%") == "drop <= 1%"
