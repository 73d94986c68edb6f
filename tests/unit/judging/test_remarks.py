"""The bounds of the warnings beside a verdict: just inside each is silent, just outside is not."""

from __future__ import annotations

import pytest

from pytest_quant.judging.limits.net import NetTolerance
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.verdict import Decision, Verdict
from tests.unit.measurements import measured, outcomes

TOP1 = Metric("top1", "%", is_mean_of_hits=True)


def judged(limit: Tolerance | NetTolerance, *counts: int) -> Verdict:
    return limit.of_measured(measured(*outcomes(*counts)), 0.95)


@pytest.mark.parametrize(("gained", "is_told"), [(4, False), (5, True), (6, True)])
def test_int8_better_by_a_twentieth_of_the_range(gained: int, is_told: bool) -> None:
    found = judged(Tolerance(TOP1, 1.0), 50, 0, gained, 50 - gained)
    assert any("look at the fp32 net" in warning for warning in found.warnings) is is_told


@pytest.mark.parametrize(("right", "is_told"), [(0, True), (1, False)])
def test_fp32_right_on_nothing(right: int, is_told: bool) -> None:
    found = judged(Tolerance(TOP1, 1.0), right, 0, 0, 100 - right)
    assert any("the limit tests nothing" in warning for warning in found.warnings) is is_told


@pytest.mark.parametrize(
    ("limit", "is_told"),
    [
        (Tolerance(TOP1, 0.99), True),
        (Tolerance(TOP1, 1.0), False),
        (Tolerance(TOP1, 0.0), False),
        (Tolerance(TOP1, 0.0099, relative=True), True),
        (Tolerance(TOP1, 0.01, relative=True), False),
        (NetTolerance(TOP1, 0.99), True),
    ],
)
def test_a_tolerance_below_one_sample(limit: Tolerance | NetTolerance, is_told: bool) -> None:
    found = judged(limit, 80, 0, 0, 20)
    assert any("it allows no drop at all" in warning for warning in found.warnings) is is_told


def test_of_a_further_net_only_its_limit_is_remarked() -> None:
    assert judged(NetTolerance(TOP1, 1.0), 0, 0, 50, 50).warnings == ()


def test_only_what_is_undecided_asks_the_user() -> None:
    decisions: tuple[Decision, ...] = ("pass", "fail", "inconclusive")
    assert [Verdict(one, "").is_broken("fail") for one in decisions] == [False, True, True]
    assert [Verdict(one, "").is_broken("pass") for one in decisions] == [False, True, False]
