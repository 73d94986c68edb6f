"""What a task gives to a net first, without running the net."""

from __future__ import annotations

from pytest_quant.tasks.base import Pipeline, Prepared, Tensor


class _FirstInputError(BaseException):
    """Ends a prediction where the net would run for the first time; no handler of a task takes it for a net's error."""

    def __init__(self, tensor: Tensor) -> None:
        super().__init__()
        self.tensor = tensor


def first_input(pipeline: Pipeline, prepared: Prepared) -> Tensor | None:
    """The first array that the task gives to the net for a sample; None where it gives none.

    What that is only the task knows: one per image, per person, or per flip.
    """

    def stop(tensor: Tensor) -> dict[str, Tensor]:
        raise _FirstInputError(tensor)

    try:
        pipeline.predict(stop, prepared)
    except _FirstInputError as first:
        return first.tensor
    return None
