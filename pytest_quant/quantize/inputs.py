"""Calibration inputs, handed out to several threads, each once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class LazyInput:
    """An input that is prepared by the thread that runs it.

    Attributes:
        what: how messages name it, such as ``image 'cat.png'``.
        load: gives its arrays: one, or one for each part of it that the network sees alone (a person in an image).

    """

    what: str
    load: Callable[[], Iterable[Array]]


Inputs = Callable[[], Iterable[Array | LazyInput]]
"""Gives the calibration inputs, float32 (channels, height, width), preprocessed; the same ones on every call."""
Progress = Callable[[str, int], None]
"""Is told the name of the pass and the number of inputs done; may be called from several threads, never at once."""


@dataclass(frozen=True)
class Item:
    """One input as a thread gets it, with its number from 0."""

    number: int
    given: Array | LazyInput

    @property
    def what(self) -> str:
        """How messages name it."""
        return self.given.what if isinstance(self.given, LazyInput) else f"calibration input {self.number}"

    def arrays(self) -> Iterable[Array]:
        """What is to be run."""
        return self.given.load() if isinstance(self.given, LazyInput) else (self.given,)


class Source:
    """The inputs of one pass."""

    def __init__(self, name: str, inputs: Iterable[Array | LazyInput], progress: Progress | None) -> None:
        self.taken = 0
        self.is_empty = False
        self._done = 0
        self._name = name
        self._inputs = iter(inputs)
        self._progress = progress
        self._lock = threading.Lock()

    def take(self, count: int) -> Iterator[Item]:
        """Give up to ``count`` inputs that no other thread has."""
        for _ in range(count):
            with self._lock:
                given = None if self.is_empty else next(self._inputs, None)
                if given is None:
                    self.is_empty = True
                    return
                item = Item(self.taken, given)
                self.taken += 1
            yield item

    def done(self) -> None:
        """Count an input that was run."""
        with self._lock:
            self._done += 1
            if self._progress is not None:
                self._progress(self._name, self._done)

    def stop(self) -> None:
        """Give no more inputs."""
        self.is_empty = True
