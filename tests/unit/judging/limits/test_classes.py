"""``class_tolerance``: every class of the whole dataset, and of a subset with Holm's correction."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.judging.limits.classes import ClassTolerance
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.classification.metric import METRICS, compare_sides
from pytest_quant.tasks.classification.options import AccuracyOptions
from pytest_quant.tasks.classification.prediction import ClassPrediction
from tests.unit.measurements import measured

TOP1 = METRICS["top1"]


def predictions(labels: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> list[ClassPrediction]:
    answers = np.where(right, labels, (labels + 1) % 4)
    order = [np.array([answer, *(c for c in range(4) if c != answer)]) for answer in answers]
    return [ClassPrediction(tuple(map(int, one)), (0.9, 0.05, 0.03, 0.02), 4) for one in order]


def of_classes(counts: dict[int, tuple[int, int, int]], *, total: int | None = None, **changes: Any) -> Measurement:
    """Class to samples, right in fp32, right in int8: those that int8 has right fp32 has too."""
    labels = np.concatenate([[label] * n for label, (n, _, _) in counts.items()])
    fp32, int8 = (
        np.concatenate([np.arange(values[0]) < values[side] for values in counts.values()]) for side in (1, 2)
    )
    samples = [Sample(str(index), int(label), index) for index, label in enumerate(labels)]
    options = {"top1": AccuracyOptions(), "top5": AccuracyOptions()}
    comparison = compare_sides(samples, predictions(labels, fp32), predictions(labels, int8), options)
    return measured(fp32.tolist(), int8.tolist(), total=total, comparison=comparison, **changes)


judge = partial(ClassTolerance(TOP1, 10.0).of_measured, confidence=0.95)


def test_the_whole_dataset_passes_when_every_class_is_within() -> None:
    verdict = judge(of_classes({0: (20, 18, 16), 1: (50, 45, 44)}))
    assert verdict.decision == "pass"
    assert verdict.value == pytest.approx(10.0)
    assert verdict.limit == 10.0
    assert verdict.reason == "2 classes, the worst 0: 90.00 - 80.00 = 10.00 (n = 20) <= 10.00 points"


def test_one_class_that_loses_fails_it_whatever_the_mean_says() -> None:
    verdict = judge(of_classes({0: (100, 90, 95), 1: (20, 18, 0), 2: (100, 90, 99)}))
    assert verdict.decision == "fail"
    assert verdict.value == pytest.approx(90.0)
    assert verdict.reason == "1 of 3 classes drop by more than 10.00 points: 1: 90.00 - 0.00 = 90.00 (n = 20)"


def test_classes_with_fewer_than_five_samples_are_listed_and_not_judged() -> None:
    verdict = judge(of_classes({0: (20, 18, 18), 1: (4, 4, 0)}))
    assert verdict.decision == "pass"
    assert verdict.reason.endswith("; not judged, with fewer than 5 samples: 1 (1)")


def test_a_dataset_without_such_a_class_cannot_be_judged() -> None:
    with pytest.raises(ConfigError, match="no class of 8 samples has 5 of them"):
        judge(of_classes({0: (4, 4, 4), 1: (4, 4, 4)}))
    assert judge(of_classes({0: (4, 4, 4), 1: (4, 4, 4)}, total=100)).decision == "inconclusive"


def test_a_subset_is_decided_by_the_bounds_of_each_class() -> None:
    many = dict.fromkeys(range(3), (500, 450, 449))
    assert judge(of_classes(many, total=15000)).decision == "pass"
    broken = judge(of_classes({**many, 1: (500, 450, 200)}, total=15000))
    assert broken.decision == "fail"
    assert "1 of 3 classes drop by more than 10.00 points: 1: 90.00 - 40.00 = 50.00 (96.67% CI" in broken.reason
    assert "(at 95 % over all 3 classes together, Holm)" in broken.reason
    open_ = judge(of_classes({**many, 1: (30, 27, 25)}, total=15000))
    assert open_.decision == "inconclusive"
    assert "(--quant-samples " in open_.reason


def test_a_class_that_was_evaluated_whole_is_known_exactly() -> None:
    counts = {0: (30, 27, 26), 1: (500, 450, 450)}
    assert judge(of_classes(counts, total=10000)).decision == "inconclusive"
    known = of_classes(counts, total=10000, class_totals={"0": 30, "1": 9970})
    assert judge(known).decision == "pass"


def test_a_relative_tolerance_is_of_the_class_itself() -> None:
    limit = ClassTolerance.parse(TOP1, "10%")
    assert limit.of_measured(of_classes({0: (100, 50, 45)}), 0.95).decision == "pass"
    assert limit.of_measured(of_classes({0: (100, 50, 44)}), 0.95).decision == "fail"


@pytest.mark.parametrize(
    ("metric", "raw", "message"),
    [
        (TOP1, 100, "allows a class to lose everything"),
        (TOP1, -1, "expected 0 or more"),
        (TOP1, "ten", "expected a number"),
        (Metric("mAP", "fraction", has_classes=True), 10, "goes from 0 to 1"),
        (Metric("hmean", "fraction"), 0.1, "has no value of single classes"),
    ],
)
def test_what_is_no_class_tolerance_is_refused(metric: Metric, raw: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ClassTolerance.parse(metric, raw)


def test_a_sound_net_is_rarely_broken_and_a_broken_one_rarely_passed() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(4), 200)
    fp32 = rng.random(800) < 0.9
    at_limit = fp32.copy()
    for label in range(4):  # exactly the allowed drop in each class
        rows = np.flatnonzero(fp32 & (labels == label))
        at_limit[rng.choice(rows, 20, replace=False)] = False
    wrong = 0
    for _ in range(60):
        drawn = rng.permutation(800)[:200]
        counts = {
            label: (
                int((labels[drawn] == label).sum()),
                int(fp32[drawn][labels[drawn] == label].sum()),
                int(at_limit[drawn][labels[drawn] == label].sum()),
            )
            for label in range(4)
        }
        totals = {str(label): 200 for label in range(4)}
        wrong += judge(of_classes(counts, total=800, class_totals=totals)).decision == "fail"
    assert wrong <= 8  # 3 are expected at most at 95 %; P(more than 8) < 0.005
