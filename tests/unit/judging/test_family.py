"""The confidence of a whole table: which case is held against which confidence."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_quant.judging.family import Family
from pytest_quant.judging.limits.base import JudgedLimit
from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.int8 import Quantized
from pytest_quant.judging.limits.published import Published
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.spec.errors import DatasetMissingError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.verdict import Verdict
from tests.unit.measurements import some_model
from tests.unit.metrics import METRICS

LIMITS = tuple(Floor(METRICS["top1"], float(value)) for value in range(50, 60))


def family(p_values: list[float], *, decision: str = "pass", confidence: float = 0.95) -> tuple[Family, ModelSpec]:
    """One model whose limits are certain from those errors on."""
    model, limits = some_model(), LIMITS[: len(p_values)]

    def judge(model: ModelSpec, limit: JudgedLimit, own: float) -> Verdict:
        certain = p_values[LIMITS.index(limit)] <= 1 - own
        return Verdict(decision if certain else "inconclusive", "")  # type: ignore[arg-type]

    made = Family(judge, lambda model: True, confidence)
    made.expect(model, [*limits, Quantized()])
    return made, model


def test_the_confidences_are_those_of_holms_steps() -> None:
    made, model = family([0.01, 0.2, 0.02])
    assert made.first_confidence == pytest.approx(1 - 0.05 / 3)
    found = [made.confidence_of(model, limit) for limit in LIMITS[:3]]
    assert found == pytest.approx([1 - 0.05 / 3, 0.95, 1 - 0.05 / 2])
    assert made.confidence_of(model, Quantized()) == 0.95, "no estimate"


def test_the_order_in_which_limits_are_known_and_asked_does_not_matter() -> None:
    p_values = [0.001, 0.04, 0.012, 0.3, 0.009]
    made, model = family(p_values)
    backwards, _ = family(p_values)
    expected = {limit: made.confidence_of(model, limit) for limit in LIMITS[:5]}
    assert {limit: backwards.confidence_of(model, limit) for limit in reversed(LIMITS[:5])} == expected


def test_whole_datasets_and_missing_ones_are_no_part_of_it() -> None:
    small, whole, away = (some_model(name=name) for name in ("small", "whole", "away"))

    def is_sampled(model: ModelSpec) -> bool:
        if model.name == "away":
            raise DatasetMissingError("away")
        return model.name == "small"

    made = Family(lambda model, limit, own: Verdict("pass", ""), is_sampled, 0.95)
    for model in (small, whole, away):
        made.expect(model, LIMITS[:2])
        made.expect(model, LIMITS[:1])  # a test in Python that asks for the same claims nothing more
    assert made.first_confidence == pytest.approx(0.975)
    assert made.confidence_of(whole, LIMITS[0]) == made.confidence_of(away, LIMITS[0]) == 0.95


def test_a_case_that_cannot_be_measured_is_not_certain() -> None:
    def judge(model: ModelSpec, limit: JudgedLimit, own: float) -> Verdict:
        raise RunnerError("broken")

    made = Family(judge, lambda model: True, 0.9)
    made.expect(some_model(), LIMITS[:2])
    assert made.confidence_of(some_model(), LIMITS[1]) == pytest.approx(0.95)


def test_a_published_value_that_is_not_refuted_claims_nothing() -> None:
    published = Published(METRICS["top1"], "fp32", 90.0, 0.1)
    tolerance = Tolerance(METRICS["top1"], 1.0)
    made = Family(lambda model, limit, own: Verdict("pass", ""), lambda model: True, 0.9)
    made.expect(some_model(), [published, tolerance])
    assert made.confidence_of(some_model(), tolerance) == pytest.approx(0.95)
    assert made.confidence_of(some_model(), published) == pytest.approx(0.9), "the only one left"


def test_all_verdicts_of_a_table_are_right_together() -> None:
    rng = np.random.default_rng(3)
    wrong_alone = wrong_together = 0
    for _ in range(400):
        p_values = rng.random(10).tolist()  # every limit is just at its bound, so that each certain verdict is wrong
        wrong_alone += min(p_values) <= 0.05
        made, model = family(p_values)
        wrong_together += any(
            p <= 1 - made.confidence_of(model, limit) + 1e-12 for p, limit in zip(p_values, LIMITS, strict=True)
        )
    assert wrong_alone > 120
    assert wrong_together < 34  # 20 are expected at most; P(34 or more) < 0.002
