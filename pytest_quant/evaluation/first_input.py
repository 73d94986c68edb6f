"""Which input a pipeline will give to a net that is not loaded yet."""

from __future__ import annotations

from typing import NoReturn

from pytest_quant.nets.base import Array
from pytest_quant.nets.trial.words import Shape
from pytest_quant.tasks.base import Pipeline, Prepared


class _Asked(BaseException):
    """The pipeline asks for its first forward pass; no handler of a pipeline takes it for an error of a net."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape


def first_shape(pipeline: Pipeline, prepared: Prepared) -> Shape | None:
    """The shape of the first array that a sample's prediction takes; None for one without a forward pass."""
    try:
        pipeline.predict(not_loaded, prepared)
    except _Asked as asked:
        return asked.shape
    return None


def not_loaded(array: Array) -> NoReturn:
    """What stands in a net's place before it is loaded."""
    raise _Asked(tuple(array.shape))
