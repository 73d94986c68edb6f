"""Tables of a FlatBuffer, read within its bounds: a damaged file gives an error, never a wrong answer from outside."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_OFFSET = struct.Struct("<I")


class FlatBufferError(Exception):
    """The bytes are not the tables that they should be."""


@dataclass(frozen=True)
class Table:
    """One table. Fields are named by their number in the schema, counted from 0."""

    data: bytes
    position: int

    @classmethod
    def root(cls, data: bytes) -> Table:
        """The outermost table; raises `FlatBufferError`."""
        return cls(data, _unpacked(_OFFSET, data, 0))

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """A scalar of a `struct` format character; ``default`` where it is left out."""
        place = self._place(field)
        return default if place is None else int(_unpacked(struct.Struct(f"<{kind}"), self.data, place))

    def text(self, field: int) -> str:
        """A string; empty where it is left out."""
        place = self._place(field)
        return "" if place is None else _text(self.data, self._target(place))

    def table(self, field: int) -> Table | None:
        """A table; None where it is left out."""
        place = self._place(field)
        return None if place is None else Table(self.data, self._target(place))

    def tables(self, field: int) -> list[Table]:
        """A vector of tables."""
        return self._vector(field, 4, lambda place: Table(self.data, self._target(place)))

    def numbers(self, field: int, kind: str) -> list[float]:
        """A vector of scalars of a `struct` format character."""
        packed = struct.Struct(f"<{kind}")
        return self._vector(field, packed.size, lambda place: _unpacked(packed, self.data, place))

    def integers(self, field: int, kind: str = "i") -> list[int]:
        """A vector of whole numbers."""
        return [int(number) for number in self.numbers(field, kind)]

    def check_bytes(self, field: int) -> None:
        """Raise `FlatBufferError` where a vector of bytes reaches outside; reads none of them."""
        self._extent(field, 1)

    def _vector(self, field: int, size: int, read: Callable[[int], T]) -> list[T]:
        start, count = self._extent(field, size)
        return [read(start + index * size) for index in range(count)]

    def _extent(self, field: int, size: int) -> tuple[int, int]:
        """Where the values of a vector begin, and how many there are."""
        place = self._place(field)
        if place is None:
            return 0, 0
        start = self._target(place)
        count = int(_unpacked(_OFFSET, self.data, start))
        if start + 4 + count * size > len(self.data):
            raise FlatBufferError(f"{count} values at {start} end behind the file")
        return start + 4, count

    def _place(self, field: int) -> int | None:
        """Where a field stands: the table of fields lies before or behind the table, and may be shorter."""
        fields = self.position - int(_unpacked(struct.Struct("<i"), self.data, self.position))
        short = struct.Struct("<H")
        at = 4 + 2 * field
        if at + 2 > _unpacked(short, self.data, fields):
            return None
        offset = int(_unpacked(short, self.data, fields + at))
        return self.position + offset if offset else None

    def _target(self, place: int) -> int:
        return place + int(_unpacked(_OFFSET, self.data, place))


def _unpacked(kind: struct.Struct, data: bytes, place: int) -> int:
    if place < 0 or place + kind.size > len(data):
        raise FlatBufferError(f"a value at {place} lies outside")
    (found,) = kind.unpack_from(data, place)
    return found  # type: ignore[no-any-return]


def _text(data: bytes, place: int) -> str:
    length = _unpacked(_OFFSET, data, place)
    if place + 4 + length > len(data):
        raise FlatBufferError(f"a text at {place} ends behind the file")
    return data[place + 4 : place + 4 + length].decode("utf-8", errors="replace")
