"""A net that runs on a target: inputs go there, outputs come back, and everything else stays here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pytest_quant.nets.base import Array, check_outputs
from pytest_quant.nets.given import AnyArray, Given
from pytest_quant.nets.ncnn.feeding import Feeding, ShapeGuard
from pytest_quant.nets.remote.connection import Connection, TargetLostError
from pytest_quant.nets.remote.far_side import Channel
from pytest_quant.nets.remote.in_flight import Flight, InFlight
from pytest_quant.nets.remote.shared_inputs import SIZE_BYTES, SharedInputs
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


class RemoteRunner:
    """One net, loaded on a target, on a channel of its own; not shared between threads.

    Inputs that were announced (`LooksAhead`) are there before they are asked for: the target computes while this side
    reads and prepares the next ones.
    """

    def __init__(self, setup: RemoteSetup, target: Target) -> None:
        self._setup = setup
        self._target = target
        self._what = f"{shown(setup.param)} on {target.spec}"
        self._guard = ShapeGuard(setup.param) if setup.feeding.arrays else None
        self._flights = InFlight()
        self._shared: SharedInputs | None = None
        self.forward_s = 0.0
        """Seconds that the target spent in the forward passes that were asked for."""
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
            if not self._flights.has_suspects:
                self._send_unsent(whole=False)
        except (RunnerError, TargetLostError):
            return  # `run` finds the same

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
        if isinstance(flight.answer, str):
            raise RunnerError(f"{self._what}: {flight.answer}")
        answer, elapsed_s = flight.answer
        self.forward_s += elapsed_s
        setup = self._setup
        names = dict(zip(setup.outputs, setup.names or setup.outputs, strict=True))
        outputs = {
            names[blob]: np.frombuffer(data, "<f4").astype(np.float32).reshape(shape) for blob, shape, data in answer
        }
        check_outputs(self._what, outputs)
        return outputs

    def forget(self) -> None:
        """Drop what was announced and not asked for."""
        self._flights.forget()

    def close(self) -> None:
        """Free the net there."""
        self._channel.close()

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
            else:
                self._send_unsent(whole=flight.state == "here")
            kind, told = self._connection.receive(self._channel, self._setup.sample_timeout_s)
            if kind == "failed":
                raise RunnerError(f"{self._what}: {told}")
            self._flights.answered(told, self._shared)

    def _send_unsent(self, *, whole: bool) -> None:
        for message in list(self._flights.unsent(whole=whole)):
            self._send(message)

    def _send(self, flights: Sequence[Flight]) -> None:
        try:
            self._channel.send([flight.message(self._shared) for flight in flights])
        except OSError as error:
            raise self._connection.lost(error) from error
        for flight in flights:
            flight.state = "sent"

    def _open_again_once(self) -> Channel:
        try:
            return self._open(self._connection)
        except TargetLostError:
            self._connection = self._target.connection(self._connection)
            return self._open(self._connection)

    def _reconnect(self) -> None:
        self._connection = self._target.connection(self._connection)
        self._channel = self._open(self._connection)
        self._flights.lost()

    def _open(self, connection: Connection) -> Channel:
        shared = SharedInputs.make() if self._target.is_of_this_machine else None
        try:
            channel, sees_shared = self._loaded(connection, shared)
        finally:
            if shared is not None:
                shared.hide()
        self._shared = shared if sees_shared else None
        return channel

    def _loaded(self, connection: Connection, shared: SharedInputs | None) -> tuple[Channel, bool]:
        setup = self._setup
        contents = {hashlib.sha256(data).hexdigest(): data for data in map(_content, (setup.param, setup.bin))}
        request = {
            "files": [(digest, len(data)) for digest, data in contents.items()],
            "outputs": list(setup.outputs),
            "rows": sorted(setup.rows),
            "options": dict(setup.options),
            "threads": 1,
            "shared": None if shared is None else (str(shared.path), shared.token, SIZE_BYTES),
        }
        channel = connection.request("net", request)
        while True:
            kind, told = connection.receive(channel, LOAD_TIMEOUT_S)
            if kind == "loaded":
                return channel, told
            if kind == "failed":
                raise ModelFileError(f"{self._what}: {told}")
            _send(connection, channel, contents[told])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{shown(path)}: cannot be read: {error.strerror}") from error


def _send(connection: Connection, channel: Channel, data: bytes) -> None:
    try:
        for start in range(0, len(data), _PART_BYTES):
            channel.send(data[start : start + _PART_BYTES])
    except OSError as error:
        raise connection.lost(error) from error
