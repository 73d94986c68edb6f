"""Where the chances of a mutant come from: a seeded generator, hypothesis, which shrinks what it finds, or atheris."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Chance(Protocol):
    """The part of `random.Random` that mutants need."""

    def choice(self, seq: Sequence[T], /) -> T:
        """One of a sequence that is not empty."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to below ``stop``."""

    def randbytes(self, n: int, /) -> bytes:
        """So many bytes."""


class Drawn:
    """Chances that hypothesis draws: the earlier in a sequence and the smaller, the simpler."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def choice(self, seq: Sequence[T], /) -> T:
        """As `Chance` says."""
        return seq[self.randrange(len(seq))]

    def randrange(self, stop: int, /) -> int:
        """As `Chance` says."""
        return int(self._draw(st.integers(0, stop - 1)))

    def randbytes(self, n: int, /) -> bytes:
        """As `Chance` says."""
        return bytes(self._draw(st.binary(min_size=n, max_size=n)))


@st.composite
def chances(draw: Any) -> Drawn:
    """Chances of one mutant."""
    return Drawn(draw)


class Fuzzed:
    """Chances that are made of the bytes which atheris gives: zeros where they have come to an end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def choice(self, seq: Sequence[T], /) -> T:
        """As `Chance` says."""
        return seq[self.randrange(len(seq))]

    def randrange(self, stop: int, /) -> int:
        """As `Chance` says."""
        return int.from_bytes(self.randbytes((stop.bit_length() + 7) // 8), "little") % stop

    def randbytes(self, n: int, /) -> bytes:
        """As `Chance` says."""
        taken = self._data[self._at : self._at + n]
        self._at += n
        return taken.ljust(n, b"\0")
