from __future__ import annotations

import pytest

from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.report.pictures.stopping import stopping_curve
from tests.unit.measurements import measured, outcomes, some_model
from tests.unit.metrics import METRICS


def test_the_bounds_close_in_on_the_drop_until_the_stop() -> None:
    model = some_model(Tolerance(METRICS["top1"], 1.0))
    found = measured([True] * 200, [True, False] * 100, total=1000, model=model, sequential=True, stopped_early=True)
    (curve,) = stopping_curve(found, 0.95)
    assert list(curve.lines) == ["drop", "upper bound", "lower bound", "limit"]
    sizes = [size for size, _ in curve.lines["drop"]]
    assert (sizes[0], sizes[-1]) == (10, 200)
    assert list(curve.lines["drop"])[-1] == (200, 50.0)
    assert list(curve.lines["limit"]) == [(10, 1.0), (200, 1.0)]
    low, drop, high = ([y for _, y in curve.lines[name]] for name in ("lower bound", "drop", "upper bound"))
    assert all(below <= middle <= above for below, middle, above in zip(low, drop, high, strict=True))
    assert low == sorted(low), "bounds hold at all times at once"
    assert high == sorted(high, reverse=True)
    assert low[-1] > 1.0


@pytest.mark.parametrize("sequential", [False, True])
def test_without_a_stop_there_is_none(sequential: bool) -> None:
    assert list(stopping_curve(measured(*outcomes(5, 1, 0, 0), total=10, sequential=sequential), 0.95)) == []
