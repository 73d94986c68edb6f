"""What a task gives to a net first, without running the net."""

from __future__ import annotations

from pytest_quant.nets.base import Array
from pytest_quant.nets.given import Given
from pytest_quant.tasks.base import Pipeline, Prepared


class _FirstInputError(BaseException):
    """Ends a prediction where the net would run for the first time; no handler of a task takes it for a net's error."""

    def __init__(self, given: Given) -> None:
        super().__init__()
        self.given = given


def first_input(pipeline: Pipeline, prepared: Prepared) -> Given | None:
    """What the task gives to the net first for a sample; None where it gives none.

    What that is only the task knows: one per image, per person, or per flip.
    """

    def stop(given: Given) -> dict[str, Array]:
        raise _FirstInputError(given)

    try:
        pipeline.predict(stop, prepared)
    except _FirstInputError as first:
        return first.given
    return None
