from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from pytest_quant.evaluation.looking import LookRule, NothingToScoreError, look_until
from pytest_quant.evidence.looks import Look, LookPlan
from tests.unit.measurements import measured, outcomes

PLAN = LookPlan((100, 200, 300, 400), 400)


@dataclass(frozen=True)
class Enough:
    """A rule that wants so many samples."""

    wanted: int
    plan: LookPlan = PLAN

    def is_enough(self, measurement: Any) -> bool:
        return bool(measurement.evaluated >= self.wanted)


def measure(look: Look) -> Any:
    found = measured(*outcomes(1, 0, look.size - 1, 0), total=400)
    return replace(found, look=look)


@pytest.mark.parametrize(("wanted", "number"), [(1, 1), (150, 2), (400, 4), (1000, 4)])
def test_it_ends_at_the_first_look_that_is_enough(wanted: int, number: int) -> None:
    rule = Enough(wanted)
    assert isinstance(rule, LookRule)
    found = look_until(rule, measure)
    assert found.look is not None
    assert (found.look.number, found.evaluated) == (number, 100 * number)
    assert [one.evaluated for one in found.earlier] == [100, 200, 300][: number - 1]


def test_a_look_at_samples_without_anything_to_score_decides_nothing() -> None:
    def later(look: Look) -> Any:
        if look.size < 300:
            raise NothingToScoreError("none of the images has a text region that counts")
        return measure(look)

    found = look_until(Enough(1), later)
    assert (found.evaluated, found.earlier) == (300, ())


def test_a_dataset_without_anything_to_score_is_an_error() -> None:
    def never(look: Look) -> Any:
        raise NothingToScoreError(f"{look.size} images hold no object")

    with pytest.raises(NothingToScoreError, match="400 images"):
        look_until(Enough(1), never)
