from __future__ import annotations

import pytest

from benchmarks.target_throughput import Ratios


def test_what_a_machine_does_slowly_falls_out() -> None:
    """A machine that loses a tenth of its speed with each run, beside a way that costs nothing."""
    here, there = [100.0, 80.0, 60.0], [90.0, 70.0]
    assert Ratios.between(here, there).values == [1.0, 1.0]


def test_the_interval_holds_the_median_with_95_percent() -> None:
    """Of 12 values the third to the tenth: 2 * (1 + 12 + 66) / 4096 = 0.039 is left outside."""
    ratios = Ratios([0.9 + 0.01 * number for number in range(12)])
    assert ratios.interval == pytest.approx((0.92, 0.99))
    assert str(ratios) == "0.955 [0.920 0.990]"
    assert (ratios.judged(0.92), ratios.judged(0.93), ratios.judged(1.0)) == ("met", "open", "missed")


def test_a_few_runs_tell_no_more_than_their_extremes() -> None:
    assert Ratios([0.5, 1.0, 1.5]).interval == (0.5, 1.5)
