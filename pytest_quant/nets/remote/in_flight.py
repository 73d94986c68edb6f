"""Inputs on their way to a target and the answers that came back: in order, several in a message, bounded by bytes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_quant.nets.base import Array
from pytest_quant.nets.given import AnyArray, Given, is_by_name
from pytest_quant.nets.remote.shared_inputs import SharedInputs, memory_key

MESSAGE_BYTES = 1 << 17
"""Small inputs travel together until they are as large as this."""

BUSY_TIMES = 4
"""While the far side has something to do anyway, a message is so many times what it still has to do: each one costs as
much as the forward pass of a small net."""

BUSY_MESSAGE_BYTES = 1 << 23
"""And no more than this."""

MESSAGE_S = 0.02
"""An input that the far side may soon be waiting for waits for others no longer than this."""

WINDOW_BYTES = 1 << 24
"""Inputs on the way, or answered and not asked for yet: beyond this no more are announced."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What one forward pass gave."""

    forward_s: float
    outputs: Sequence[Array]


@dataclass(eq=False, slots=True)
class Flight:
    """One input, from when it is announced until its answer is taken."""

    given: Given
    """As it was announced, by which its answer is asked for."""
    blobs: Mapping[str, AnyArray]
    """What the net there is fed: contiguous arrays by blob."""
    size_bytes: int
    """Of all its arrays."""
    state: Literal["here", "sent", "answered"] = "here"
    answer: Answer | str | None = None
    """What the far side gave; in words where something is wrong."""
    is_wanted: bool = True
    places: tuple[int, ...] = ()
    """Where those of its arrays lie that are in memory which both sides see."""

    def is_of(self, given: Given) -> bool:
        """Whether it is of that object, or of an array on the same memory."""
        mine = self.given
        if mine is given:
            return True
        if is_by_name(mine) or is_by_name(given):
            return False
        return memory_key(mine) == memory_key(given)


class InFlight:
    """The inputs of one net, in the order in which they were announced.

    Nothing here takes longer where more of them are on the way: that would cost more than the net.
    """

    def __init__(self) -> None:
        self._flights: deque[Flight] = deque()
        self._here: deque[Flight] = deque()
        self._sent: deque[Flight] = deque()
        """In the order in which they were sent, which is that of the answers."""
        self._suspects: set[Flight] = set()
        """The connection broke while they were there: what is sent together with one may break it again."""
        self._held_bytes = 0
        self._here_bytes = 0
        self._sent_bytes = 0
        self._here_since_s = 0.0

    @property
    def has_room(self) -> bool:
        """Whether more may be announced."""
        return self._held_bytes < WINDOW_BYTES

    @property
    def has_message(self) -> bool:
        """Whether what is still here is to go while further inputs are announced."""
        if self._here_bytes >= _worth_bytes(self._sent_bytes):
            return True
        may_be_soon = self._here_bytes > 0 and self._sent_bytes <= BUSY_TIMES * self._here_bytes
        return may_be_soon and time.perf_counter() - self._here_since_s > MESSAGE_S

    @property
    def is_due(self) -> bool:
        """Whether more is still here than the far side has left to do, so that it goes though nothing is announced."""
        return self._here_bytes > 0 and self._sent_bytes <= self._here_bytes

    @property
    def has_suspects(self) -> bool:
        """Whether some input that may have broken the connection has no answer yet."""
        return bool(self._suspects)

    def announce(self, given: Given, blobs: Mapping[str, AnyArray]) -> Flight:
        """Take an input, with what the net is fed of it."""
        flight = Flight(given, blobs, sum(array.nbytes for array in blobs.values()))
        if not self._here:
            self._here_since_s = time.perf_counter()
        self._flights.append(flight)
        self._here.append(flight)
        self._held_bytes += flight.size_bytes
        self._here_bytes += flight.size_bytes
        return flight

    def of(self, given: Given) -> Flight | None:
        """The first announced input that is this one."""
        for flight in self._flights:
            if flight.is_wanted and flight.is_of(given):
                return flight
        return None

    def take(self, flight: Flight) -> None:
        """Its answer is taken."""
        self._flights.remove(flight)
        self._held_bytes -= flight.size_bytes

    def unsent(self) -> list[list[Flight]]:
        """All inputs that are still here, as messages."""
        messages: list[list[Flight]] = []
        size, to_do = 0, self._sent_bytes
        message: list[Flight] = []
        for flight in self._here:
            message.append(flight)
            size += flight.size_bytes
            if size >= _worth_bytes(to_do):
                messages.append(message)
                to_do += size
                message, size = [], 0
        return [*messages, message] if message else messages

    def sent(self, flights: Sequence[Flight]) -> None:
        """They are on their way."""
        for flight in flights:
            self._here.remove(flight)
            self._sent.append(flight)
            flight.state = "sent"
            self._here_bytes -= flight.size_bytes
            self._sent_bytes += flight.size_bytes

    def answered(self, answers: Sequence[Answer | str], shared: SharedInputs | None = None) -> None:
        """The next answers have come."""
        for answer in answers:
            flight = self._sent.popleft()
            self._sent_bytes -= flight.size_bytes
            flight.answer, flight.state = answer, "answered"
            self._suspects.discard(flight)
            _give_back(flight, shared)
            if not flight.is_wanted:
                self.take(flight)

    def lost(self) -> None:
        """What was sent and not answered has to be sent again, one by one; shared memory went with the far side."""
        again = [flight for flight in self._sent if flight.is_wanted]
        for flight in self._sent:
            flight.places = ()
            if not flight.is_wanted:
                self.take(flight)
        for flight in reversed(again):
            flight.state = "here"
            self._here.appendleft(flight)
            self._here_bytes += flight.size_bytes
        self._suspects.update(again)
        self._sent.clear()
        self._sent_bytes = 0

    def forget(self, shared: SharedInputs | None = None) -> None:
        """Drop all inputs; what is on its way is dropped when its answer comes."""
        self._here.clear()
        self._here_bytes = 0
        self._suspects.intersection_update(self._sent)
        for flight in list(self._flights):
            flight.is_wanted = False
            if flight.state != "sent":
                self.take(flight)
            elif shared is not None:
                for place in flight.places:
                    shared.keep_apart(place)

    def close(self, shared: SharedInputs | None = None) -> None:
        """Drop all inputs, and their answers will never come."""
        for flight in self._flights:
            _give_back(flight, shared)
        for flights in (self._flights, self._here, self._sent, self._suspects):
            flights.clear()
        self._held_bytes = self._here_bytes = self._sent_bytes = 0


def _worth_bytes(to_do_bytes: int) -> int:
    """How much a message has in it while the far side has so much to do."""
    return min(max(MESSAGE_BYTES, BUSY_TIMES * to_do_bytes), BUSY_MESSAGE_BYTES)


def _give_back(flight: Flight, shared: SharedInputs | None) -> None:
    if shared is not None:
        for place in flight.places:
            shared.give_back(place)
    flight.places = ()
