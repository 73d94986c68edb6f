"""A net that runs on a target: inputs go there, outputs come back, and everything else stays here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pytest_quant.nets.base import Array, check_input, check_outputs
from pytest_quant.nets.remote.connection import Connection, TargetLostError
from pytest_quant.nets.remote.far_side import Channel
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
    input_blob: str
    outputs: tuple[str, ...]
    options: Mapping[str, bool] = field(default_factory=dict)
    """ncnn's options that differ from its own defaults."""
    channels: int | None = None
    """Expected input channels; None: any."""
    size: tuple[int, int] | None = None
    """Expected input width and height; None: any."""
    rows: frozenset[str] = frozenset()
    """Outputs that are rows of detections, of which there may be none."""
    names: tuple[str, ...] | None = None
    """What the runner calls ``outputs``; None: as the net does."""
    sample_timeout_s: float = 300.0


class RemoteRunner:
    """One net, loaded on a target, on a channel of its own; not shared between threads."""

    def __init__(self, setup: RemoteSetup, target: Target) -> None:
        self._setup = setup
        self._target = target
        self._what = f"{shown(setup.param)} on {target.spec}"
        self.forward_s = 0.0
        """Seconds that the target spent in forward passes."""
        self._connection = target.connection()
        self._channel = self._open_again_once()

    def run(self, array: Array) -> dict[str, Array]:
        """One forward pass there; raises `RunnerError` for what is not usable, `TargetError` for a broken target.

        After a broken connection the input is sent once more over a new one: the same input gives the same output.
        """
        setup = self._setup
        held = check_input(self._what, array, channels=setup.channels, size=setup.size)
        message = (held.shape, held.astype("<f4", copy=False).tobytes())
        try:
            kind, told = self._ask(message)
        except TargetLostError:
            self._reconnect()
            kind, told = self._ask(message)
        if kind == "failed":
            raise RunnerError(f"{self._what}: {told}")
        answer, elapsed_s = told
        self.forward_s += elapsed_s
        names = dict(zip(setup.outputs, setup.names or setup.outputs, strict=True))
        outputs = {
            names[blob]: np.frombuffer(data, "<f4").astype(np.float32).reshape(shape) for blob, shape, data in answer
        }
        check_outputs(self._what, outputs)
        return outputs

    def close(self) -> None:
        """Free the net there."""
        self._channel.close()

    def _ask(self, message: object) -> Any:
        try:
            self._channel.send(message)
        except OSError as error:
            raise self._connection.lost(error) from error
        return self._connection.receive(self._channel, self._setup.sample_timeout_s)

    def _open_again_once(self) -> Channel:
        try:
            return self._open(self._connection)
        except TargetLostError:
            self._connection = self._target.connection(self._connection)
            return self._open(self._connection)

    def _reconnect(self) -> None:
        self._connection = self._target.connection(self._connection)
        self._channel = self._open(self._connection)

    def _open(self, connection: Connection) -> Channel:
        setup = self._setup
        contents = {hashlib.sha256(data).hexdigest(): data for data in map(_content, (setup.param, setup.bin))}
        request = {
            "files": [(digest, len(data)) for digest, data in contents.items()],
            "input": setup.input_blob,
            "outputs": list(setup.outputs),
            "rows": sorted(setup.rows),
            "options": dict(setup.options),
            "threads": 1,
        }
        channel = connection.request("net", request)
        while True:
            kind, told = connection.receive(channel, LOAD_TIMEOUT_S)
            if kind == "loaded":
                return channel
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
