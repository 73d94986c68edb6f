"""A loaded graph as a runner: fed like every net, its outputs in the form that the model's decoder knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pytest_quant.nets.base import Array, check_input, check_outputs
from pytest_quant.nets.binding import Binding, BoundInput, channels_first
from pytest_quant.nets.ports import Layout, Port
from pytest_quant.spec.errors import RunnerError

Stored = NDArray[Any]
"""As a runtime holds values: any type of element."""

Given = Array | Mapping[str, Array]
"""The one input of a net, or its inputs by the names that `Binding.inputs` has."""


class Session(Protocol):
    """A graph in its runtime, on one thread; not shared between threads."""

    def run(self, feeds: Mapping[str, Stored], outputs: Sequence[str]) -> list[Stored]:
        """One forward pass, by the names of ports; raises `RunnerError` when the graph does not take the input."""
        ...

    def close(self) -> None:
        """Free it."""
        ...


class GraphRunner:
    """One loaded graph; see `Runner`.

    Inputs are float32 of (channels, height, width): a batch, the graph's own layout, half precision and integers with
    a scale are made here. Every output comes as float32 without batch, images with channels first.
    """

    def __init__(self, what: str, binding: Binding, channels: int, session: Session) -> None:
        """``what`` names the net in messages; ``channels`` of the input array."""
        self._what = what
        self._binding = binding
        self._channels = channels
        self._session = session

    def run(self, given: Given) -> dict[str, Array]:
        """One forward pass: the input, or inputs by name, to output blobs by name."""
        found = self._session.run(self.feeds(given), [port.name for port in self.ports])
        outputs = {
            blob: self._read(port, array)
            for (blob, port), array in zip(self._binding.outputs.items(), found, strict=True)
        }
        check_outputs(self._what, outputs)
        return outputs

    @property
    def ports(self) -> tuple[Port, ...]:
        """The outputs that are read, in the order of the zoo entry."""
        return tuple(self._binding.outputs.values())

    def feeds(self, given: Given) -> dict[str, Stored]:
        """What the graph itself is fed: port to array, with a batch, in its own layout and type."""
        inputs = self._binding.inputs
        arrays = given if isinstance(given, Mapping) else dict.fromkeys(inputs, given)
        if arrays.keys() != inputs.keys():
            raise RunnerError(f"{self._what}: found inputs named {sorted(arrays)}, expected {sorted(inputs)}")
        return {bound.port.name: self._fed(bound, arrays[name]) for name, bound in inputs.items()}

    def _fed(self, bound: BoundInput, array: Array) -> Stored:
        held = check_input(self._what, array, channels=self._channels, size=None)
        self._check_size(bound, held)
        image = held if bound.layout == "nchw" else held.transpose(1, 2, 0)
        batch = np.ascontiguousarray(image[np.newaxis] if bound.has_batch else image)
        return _stored(batch, bound.port)

    def _check_size(self, bound: BoundInput, array: Array) -> None:
        """Raise `RunnerError` for a height or width other than the file fixes."""
        shape = bound.port.shape
        if shape is None:
            return
        _, height, width = channels_first(shape[-3:], bound.layout)
        if height not in (array.shape[1], None) or width not in (array.shape[2], None):
            raise RunnerError(
                f"{self._what}: found an input of width {array.shape[2]} and height {array.shape[1]}, the file fixes "
                f"them to {[width, height]}: export it with dynamic axes, or resize every image to that size"
            )

    def _read(self, port: Port, array: Stored) -> Array:
        if self._binding.has_batch and array.shape[:1] != (1,):
            raise RunnerError(
                f"{self._what}: the output {port.name!r} has shape {array.shape}, expected a batch of 1 in front"
            )
        real = _real(array[0] if self._binding.has_batch else array, port)
        return _with_channels_first(real, self._binding.output_layout)

    def close(self) -> None:
        """Free the net."""
        self._session.close()


def _stored(array: Array, port: Port) -> Stored:
    """Real numbers as an input stores them, rounded half to even and held within the integers' range."""
    if port.scaling is None:
        return array.astype(port.dtype, copy=False)
    limits = np.iinfo(port.dtype)
    levels = np.rint(array / np.float32(port.scaling.scale)) + port.scaling.zero_point
    stored: Stored = np.clip(levels, limits.min, limits.max).astype(port.dtype)
    return stored


def _real(array: Stored, port: Port) -> Array:
    """An own copy as float32."""
    if port.scaling is None:
        return np.array(array, np.float32)
    steps: Array = array.astype(np.float32) - np.float32(port.scaling.zero_point)
    return np.asarray(steps * np.float32(port.scaling.scale), np.float32)


def _with_channels_first(array: Array, layout: Layout) -> Array:
    """An output that is an image; others have no channels to move."""
    return np.ascontiguousarray(array.transpose(2, 0, 1)) if layout == "nhwc" and array.ndim == 3 else array
