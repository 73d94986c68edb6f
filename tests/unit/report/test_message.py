"""The evidence beside a broken limit."""

from __future__ import annotations

import pytest

from pytest_quant.report.message import evidence_line
from pytest_quant.tasks.base import Comparison, Flips
from tests.unit.measurements import measured, pair_of


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ("top1", "right only in fp32 2, only in int8 0"),
        ("top5", "right only in fp32 0, only in int8 1"),
        (None, "right only in fp32 2, only in int8 0"),
    ],
)
def test_flips_are_those_of_the_metric(metric: str | None, says: str) -> None:
    top1 = pair_of([True, True, True], [True, False, False])
    top5 = pair_of([True, True, False], [True, True, True], "top5")
    comparison = Comparison({"top1": top1, "top5": top5}, Flips(2, 0, 33.3))
    found = measured([True] * 3, [True] * 3, comparison=comparison)
    assert evidence_line(found, metric).startswith(says)
