"""One of N parts of every dataset, as the jobs of a CI share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """The ``index``-th of ``of`` parts, counted from 1.

    >>> Part.parse("2/3").of_samples("abcdefgh")
    ['b', 'e', 'h']
    """

    index: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """``I/N``; raises `ValueError` for anything else."""
        first, slash, second = text.strip().partition("/")
        if not slash or not (first.isdecimal() and second.isdecimal()) or not 1 <= int(first) <= int(second):
            raise ValueError(text)
        return cls(int(first), int(second))

    def of_samples(self, samples: Sequence[T]) -> list[T]:
        """Every N-th sample of the seeded order: parts are disjoint, together complete, and nearly equal in size."""
        return list(samples[self.index - 1 :: self.of])

    def __str__(self) -> str:
        return f"part {self.index} of {self.of}"
