"""A net that runs on a target: inputs go there, outputs come back, and everything else stays here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pytest_quant.nets.base import Array, LooksAhead, check_outputs
from pytest_quant.nets.given import AnyArray, Given
from pytest_quant.nets.ncnn.feeding import Feeding, ShapeGuard
from pytest_quant.nets.remote.connection import NET_THREADS, Connection, TargetLostError
from pytest_quant.nets.remote.far_side import Channel
from pytest_quant.nets.remote.in_flight import Answer, Flight, InFlight
from pytest_quant.nets.remote.messages import answers_of, message_of
from pytest_quant.nets.remote.target import Target
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.text import shown

_PART_BYTES = 1 << 20
LOAD_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class RemoteSetup:
    """How a net is loaded there and what is known of its input."""

    param: Path
    bin: Path
    feeding: Feeding
    """How what is given becomes blobs."""
    outputs: tuple[str, ...]
    options: Mapping[str, bool] = field(default_factory=dict)
    """ncnn's options that differ from its own defaults."""
    rows: frozenset[str] = frozenset()
    """Outputs that are rows of detections, of which there may be none."""
    names: tuple[str, ...] | None = None
    """What the runner calls ``outputs``; None: as the net does."""
    sample_timeout_s: float = 300.0


class RemoteRunner(LooksAhead):
    """One net, loaded on a target, on a channel of its own; not shared between threads.

    Inputs that were announced (`LooksAhead`) are there before they are asked for: the target computes while this side
    reads and prepares the next ones.
    """

    forward_s = 0.0
    """Seconds that the target spent in the forward passes that were asked for."""

    def __init__(self, setup: RemoteSetup, target: Target) -> None:
        self._setup = setup
        self._target = target
        self._what = f"{shown(setup.param)} on {target.spec}"
        self._guard = ShapeGuard(setup.param, setup.outputs) if setup.feeding.arrays else None
        self._flights = InFlight()
        self._connection = target.connection()
        self._channel = self._open_again_once()

    @property
    def has_room(self) -> bool:
        """Whether more inputs are to be announced now."""
        return self._flights.has_room

    def ahead(self, given: Given) -> None:
        """Send an input that will be asked for, together with others where it is small."""
        try:
            self._flights.announce(given, self._checked(given))
        except RunnerError:
            return  # `run` finds the same
        if self._flights.has_message:
            self.no_more()

    def no_more(self) -> None:
        """Send what is still here."""
        if not self._flights.has_suspects:
            with suppress(TargetLostError):  # `run` finds the same
                self._send_unsent()

    def run(self, given: Given) -> dict[str, Array]:
        """One forward pass there; raises `RunnerError` for what is not usable, `TargetError` for a broken target.

        After a broken connection the input is sent once more over a new one: the same input gives the same output.
        """
        flight = self._flights.of(given) or self._flights.announce(given, self._checked(given))
        try:
            self._bring(flight)
        except TargetLostError:
            self._reconnect()
            self._bring(flight)
        self._flights.take(flight)
        if not isinstance(flight.answer, Answer):
            raise RunnerError(f"{self._what}: {flight.answer}")
        self.forward_s += flight.answer.forward_s
        outputs = dict(zip(self._setup.names or self._setup.outputs, flight.answer.outputs, strict=True))
        check_outputs(self._what, outputs)
        return outputs

    def forget(self) -> None:
        """Drop what was announced and not asked for."""
        self._flights.forget(self._connection.shared)

    def close(self) -> None:
        """Free the net there."""
        self._channel.close()
        self._flights.close(self._connection.shared)

    def _checked(self, given: Given) -> Mapping[str, AnyArray]:
        blobs = self._setup.feeding.blobs(self._what, given)
        if self._guard is not None:
            self._guard.check(blobs)
        return blobs

    def _bring(self, flight: Flight) -> None:
        """See to it that an input has its answer.

        After a broken connection inputs go one by one until all that may have broken it are through: an error then
        names the right one.
        """
        while flight.state != "answered":
            if self._flights.has_suspects:
                if flight.state == "here":
                    self._send([flight])
            elif flight.state == "here" or self._flights.is_due:
                self._send_unsent()
            kind, *told = self._connection.receive(self._channel, self._setup.sample_timeout_s)
            if kind == "failed":
                raise RunnerError(f"{self._what}: {told[0]}")
            self._flights.answered(answers_of(*told), self._connection.shared)

    def _send_unsent(self) -> None:
        for message in self._flights.unsent():
            self._send(message)

    def _send(self, flights: Sequence[Flight]) -> None:
        try:
            self._channel.send(message_of(flights, self._connection.shared))
        except OSError as error:
            raise self._connection.lost(error) from error
        self._flights.sent(flights)

    def _open_again_once(self) -> Channel:
        try:
            return self._open(self._connection)
        except TargetLostError:
            self._connection = self._target.connection(self._connection)
            return self._open(self._connection)

    def _reconnect(self) -> None:
        self._flights.lost()
        self._connection = self._target.connection(self._connection)
        self._channel = self._open(self._connection)

    def _open(self, connection: Connection) -> Channel:
        setup = self._setup
        contents = {hashlib.sha256(data).hexdigest(): data for data in map(_content, (setup.param, setup.bin))}
        request = {
            "files": [(digest, len(data)) for digest, data in contents.items()],
            "outputs": list(setup.outputs),
            "rows": sorted(setup.rows),
            "options": dict(setup.options),
            "threads": NET_THREADS,
        }
        channel = connection.request("net", request)
        while True:
            kind, told = connection.receive(channel, LOAD_TIMEOUT_S)
            if kind == "loaded":
                return channel
            if kind == "failed":
                raise ModelFileError(f"{self._what}: {told}")
            _send(channel, contents[told])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{shown(path)}: cannot be read: {error.strerror}") from error


def _send(channel: Channel, data: bytes) -> None:
    """Send a file; why the far side does not take it any more is what it says next."""
    with suppress(OSError):
        for start in range(0, len(data), _PART_BYTES):
            channel.send(data[start : start + _PART_BYTES])
