"""What the files of nets were found to say, by all that it was found from: reading them again takes no walk.

A net is checked before anything runs, at every collection and in every process. What the check finds follows from the
text of one file and from those bytes of the other that it looks at: where these are the same, so is the answer. Only
what was found sound is known; a damaged file is read, and told, each time.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from pytest_quant.nets.format import StaticFacts

Place = tuple[int, bytes]
"""The length of a file, and the spans in it that were looked at: first byte and the one behind the last, in 64 bits
each, since a large zoo has many."""

Fact = tuple[str, str]
"""A key, and the digest of the bytes that were looked at."""

_MOST_PLACES = 8
"""Of one key: nets of one description differ in what their weights are stored as, which comes in few forms."""

_MOST_ALIKE = 10_000


class Bytes(Protocol):
    """The bytes of a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


class Touched:
    """The bytes of a file, which notes those that are looked at."""

    def __init__(self, data: Bytes) -> None:
        self._data = data
        self._spans: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, part: slice, /) -> bytes:
        start, end, _ = part.indices(len(self._data))
        self._spans.append((start, end))
        return self._data[start:end]

    def joined(self, spans: Sequence[tuple[int, int]]) -> bytes:
        """See `joined`."""
        self._spans += spans
        return joined(self._data, spans)

    def place(self) -> Place:
        """What was looked at, in the order of the file, neighbours as one."""
        joined = array("Q")
        for start, end in sorted(self._spans):
            if joined and start <= joined[-1]:
                joined[-1] = max(end, joined[-1])
            else:
                joined.extend((start, end))
        return len(self), joined.tobytes()


def joined(data: Bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    """The bytes of spans within the file, first byte and the one behind the last of each, one after the other."""
    if isinstance(data, Touched):
        return data.joined(spans)
    return b"".join([data[start:end] for start, end in spans])


@dataclass
class KnownFacts:
    """Of one process.

    ``by_key``: what a net is, its description included, to the places that were looked at in a file of weights of one
    length, to the digest of the bytes there, to what was found.
    """

    by_key: dict[str, dict[Place, dict[str, StaticFacts]]] = field(default_factory=dict)
    alike: dict[Hashable, StaticFacts] = field(default_factory=dict)
    """What the layers of nets say that may differ in the weights: nets are trained again."""
    used: set[Fact] = field(default_factory=set)
    """What was asked for since `noting` began."""

    def find(self, key: str, data: Bytes, look: Callable[[Bytes], StaticFacts]) -> StaticFacts:
        """What ``look`` finds in ``data``, or has found where it saw the same; whatever it raises is not remembered.

        ``key``: all that ``look`` depends on beside the bytes that it is given.
        """
        by_place = self.by_key.setdefault(key, {})
        for place, by_digest in list(by_place.items()):
            if place[0] == len(data):
                digest = _digest(data, place)
                if digest in by_digest:
                    self.used.add((key, digest))
                    return by_digest[digest]
        touched = Touched(data)
        found = look(touched)
        place = touched.place()
        if place in by_place or len(by_place) < _MOST_PLACES:
            digest = _digest(data, place)
            by_place.setdefault(place, {})[digest] = found
            self.used.add((key, digest))
        return found

    def once(self, key: Hashable, find: Callable[[], StaticFacts]) -> StaticFacts:
        """What ``find`` gives, or has given where ``key`` was the same; whatever it raises is not remembered."""
        if key not in self.alike:
            if len(self.alike) >= _MOST_ALIKE:
                self.alike.clear()
            self.alike[key] = find()
        return self.alike[key]

    @contextmanager
    def noting(self) -> Iterator[set[Fact]]:
        """Give what is asked for from now on."""
        used: set[Fact] = set()
        self.used = used
        try:
            yield used
        finally:
            self.used = set()

    def dumped(self, facts: Iterable[Fact]) -> bytes:
        """What is known of some, as `load` takes it."""
        rows = [
            [key, length, spans.hex(), digest, vars(by_digest[digest])]
            for key, digest in sorted(facts)
            for (length, spans), by_digest in list(self.by_key[key].items())
            if digest in by_digest
        ]
        return json.dumps(rows, separators=(",", ":")).encode()

    def load(self, content: bytes) -> set[Fact]:
        """Take what `dumped` gave in the same version of this package, and give what it told of."""
        known = set()
        with suppress(ValueError, TypeError, KeyError):
            for key, length, spans, digest, facts in json.loads(content):
                self.by_key.setdefault(key, {}).setdefault((length, bytes.fromhex(spans)), {})[digest] = _facts(facts)
                known.add((key, digest))
        return known


def key_of(parts: Sequence[object], text: str) -> str:
    """A key of JSON values and of the text that describes a net."""
    return hashlib.sha256(json.dumps([*parts, text]).encode()).hexdigest()


def _digest(data: Bytes, place: Place) -> str:
    spans = array("Q", place[1])
    return hashlib.sha256(joined(data, list(zip(spans[::2], spans[1::2], strict=True)))).hexdigest()


def _facts(stored: Mapping[str, object]) -> StaticFacts:
    found = StaticFacts(**stored)  # type: ignore[arg-type]
    return StaticFacts(**{**stored, "kept_float": tuple(found.kept_float), "notes": tuple(found.notes)})  # type: ignore[arg-type]


KNOWN = KnownFacts()
"""Of this process, whichever zoo files it reads."""
