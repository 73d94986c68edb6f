"""Calibration inputs, numbered and cut into the shards that an engine runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.given import Given

Array = NDArray[np.float32]
"""Values of a blob."""

_SHARD_SIZE = 8


@dataclass(frozen=True)
class LazyInput:
    """An input that is prepared by the thread that runs it.

    Attributes:
        what: how messages name it, such as ``image 'cat.png'``.
        load: gives its arrays: one, or one for each part of it that the network sees alone (a person in an image).

    """

    what: str
    load: Callable[[], Iterable[Given]]


GiveInputs = Callable[[], Iterable[Given | LazyInput]]
"""Gives the calibration inputs, preprocessed float32 (channels, height, width), or arrays by name; the same ones on
every call."""


@dataclass(frozen=True)
class Item:
    """One input as a worker gets it, with its number from 0."""

    number: int
    given: Given | LazyInput

    @property
    def what(self) -> str:
        """How messages name it."""
        return self.given.what if isinstance(self.given, LazyInput) else f"calibration input {self.number}"

    def arrays(self) -> Iterable[Given]:
        """What is to be run."""
        return self.given.load() if isinstance(self.given, LazyInput) else (self.given,)


@dataclass(frozen=True)
class InputShard:
    """Some inputs that are run in one go."""

    index: int
    items: tuple[Item, ...]
    absmax: Mapping[str, float] | None = None
    """Of each blob over all inputs, where the first pass has found it."""

    @property
    def sample_count(self) -> int:
        """How many inputs there are."""
        return len(self.items)


def shards_of_inputs(inputs: Iterable[Given | LazyInput]) -> Iterator[InputShard]:
    """The inputs in their order, a few at a time: they are taken when there is a thread for them."""
    items = (Item(number, given) for number, given in enumerate(inputs))
    index = 0
    while part := tuple(islice(items, _SHARD_SIZE)):
        yield InputShard(index, part)
        index += 1
