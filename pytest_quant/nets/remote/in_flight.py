"""Inputs on their way to a target and the answers that came back: in order, several in a message, bounded by bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pytest_quant.nets.base import Array
from pytest_quant.nets.given import AnyArray, Given, is_by_name
from pytest_quant.nets.remote.shared_inputs import SharedInputs, memory_key

MESSAGE_BYTES = 1 << 17
"""Small inputs travel together until they are as large as this."""

BUSY_MESSAGE_BYTES = 1 << 22
"""While the far side has something to do anyway, a message is as large as what it still has to do, up to this: so each
one is there before the one before it is done, whatever an input costs."""

WINDOW_BYTES = 1 << 24
"""Inputs on the way, or answered and not asked for yet: beyond this no more are announced."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What one forward pass gave."""

    forward_s: float
    outputs: Sequence[Array]


@dataclass(eq=False)
class Flight:
    """One input, from when it is announced until its answer is taken."""

    given: Given
    """As it was announced, by which its answer is asked for."""
    blobs: Mapping[str, AnyArray]
    """What the net there is fed: contiguous arrays by blob."""
    state: Literal["here", "sent", "answered"] = "here"
    answer: Answer | str | None = None
    """What the far side gave; in words where something is wrong."""
    is_suspect: bool = False
    """Whether the connection broke while it was there: what is sent together with it now may break it again."""
    is_wanted: bool = True
    places: tuple[int, ...] = ()
    """Where those of its arrays lie that are in memory which both sides see."""

    @cached_property
    def size_bytes(self) -> int:
        """Of all its arrays."""
        return sum(array.nbytes for array in self.blobs.values())

    def is_of(self, given: Given) -> bool:
        """Whether it is of that object, or of an array on the same memory."""
        mine = self.given
        if mine is given or is_by_name(mine) or is_by_name(given):
            return mine is given
        return memory_key(mine) == memory_key(given)


class InFlight:
    """The inputs of one net, in the order in which they were announced, which is the order of the answers."""

    def __init__(self) -> None:
        self._flights: deque[Flight] = deque()
        self._held_bytes = 0

    @property
    def has_room(self) -> bool:
        """Whether more may be announced."""
        return self._held_bytes < WINDOW_BYTES

    def announce(self, given: Given, blobs: Mapping[str, AnyArray]) -> Flight:
        """Take an input, with what the net is fed of it."""
        flight = Flight(given, blobs)
        self._flights.append(flight)
        self._held_bytes += flight.size_bytes
        return flight

    def of(self, given: Given) -> Flight | None:
        """The first announced input that is this one."""
        return next((flight for flight in self._flights if flight.is_wanted and flight.is_of(given)), None)

    def take(self, flight: Flight) -> None:
        """Its answer is taken."""
        self._flights.remove(flight)
        self._held_bytes -= flight.size_bytes

    def unsent(self, *, whole: bool) -> Iterator[list[Flight]]:
        """The inputs that are still here, as messages; unless ``whole`` only messages that are full."""
        message: list[Flight] = []
        size = 0
        to_do = sum(flight.size_bytes for flight in self._flights if flight.state == "sent")
        for flight in self._flights:
            if flight.state != "here":
                continue
            message.append(flight)
            size += flight.size_bytes
            if size >= min(max(MESSAGE_BYTES, to_do), BUSY_MESSAGE_BYTES):
                yield message
                to_do += size
                message, size = [], 0
        if message and whole:
            yield message

    def answered(self, answers: Sequence[Answer | str], shared: SharedInputs | None = None) -> None:
        """The next answers have come."""
        sent = [flight for flight in self._flights if flight.state == "sent"]
        for flight, answer in zip(sent, answers, strict=False):
            flight.answer, flight.state, flight.is_suspect = answer, "answered", False
            if shared is not None:
                for place in flight.places:
                    shared.give_back(place)
            flight.places = ()
            if not flight.is_wanted:
                self.take(flight)

    def lost(self) -> None:
        """What was sent and not answered has to be sent again, one by one; shared memory went with the far side."""
        for flight in self._flights:
            if flight.state == "sent":
                flight.state, flight.is_suspect = "here", True
                flight.places = ()

    @property
    def has_suspects(self) -> bool:
        """Whether some input that may have broken the connection has no answer yet."""
        return any(flight.is_suspect for flight in self._flights)

    def forget(self, shared: SharedInputs | None = None) -> None:
        """Drop all inputs; what is on its way is dropped when its answer comes."""
        for flight in list(self._flights):
            flight.is_wanted = False
            if flight.state != "sent":
                self.take(flight)
            elif shared is not None:
                for place in flight.places:
                    shared.keep_apart(place)

    def close(self, shared: SharedInputs | None = None) -> None:
        """Drop all inputs, and their answers will never come."""
        while self._flights:
            flight = self._flights.popleft()
            if shared is not None:
                for place in flight.places:
                    shared.give_back(place)
        self._held_bytes = 0
