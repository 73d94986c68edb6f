"""A loaded graph as a runner: fed like every net, its outputs in the form that the model's decoder knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from pytest_quant.nets.base import Array, check_input, check_outputs
from pytest_quant.nets.binding import Binding, BoundInput, channels_first
from pytest_quant.nets.given import AnyArray, Given, by_name, converted, with_axes
from pytest_quant.nets.ports import Layout, Port
from pytest_quant.spec.errors import RunnerError

_IMAGE_AXES = 3


class Session(Protocol):
    """A graph in its runtime, on one thread; not shared between threads."""

    def run(self, feeds: Mapping[str, AnyArray], outputs: Sequence[str]) -> list[AnyArray]:
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
        ports = self.ports
        found = self._session.run(self.feeds(given), [port.name for port in ports])
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

    def feeds(self, given: Given) -> dict[str, AnyArray]:
        """What the graph itself is fed: port to array, with a batch, in its own layout and type."""
        inputs = self._binding.inputs
        if self._binding.is_of_arrays:
            arrays = by_name(self._what, given, list(inputs))
            return {bound.port.name: self._array(name, bound, arrays[name]) for name, bound in inputs.items()}
        return {bound.port.name: self._fed(bound, given) for bound in inputs.values()}

    def _array(self, name: str, bound: BoundInput, array: AnyArray) -> AnyArray:
        """An array as the graph takes it: its type, its axes, its layout."""
        port, shape = bound.port, bound.port.shape
        fitting = with_axes(array, None if shape is None else len(shape))
        if fitting is not None and bound.layout == "nhwc" and fitting.ndim >= _IMAGE_AXES:
            fitting = np.moveaxis(fitting, -_IMAGE_AXES, -1)
        if fitting is None or not _fits(fitting.shape, shape):
            raise RunnerError(
                f"{self._what}: input {name!r}: found an array of shape {array.shape}, expected that of {port}, with a "
                "batch of 1 or without"
            )
        if port.scaling is not None:
            return _stored(converted(self._what, name, fitting, "float32"), port)
        return np.ascontiguousarray(converted(self._what, name, fitting, port.dtype))

    def _fed(self, bound: BoundInput, array: Given) -> AnyArray:
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

    def _read(self, port: Port, array: AnyArray) -> Array:
        if self._binding.is_of_arrays:
            has_batch = self._binding.has_batch and array.shape[:1] == (1,)
            return _with_channels_first(_real(array[0] if has_batch else array, port), self._binding.output_layout)
        if self._binding.has_batch and array.shape[:1] != (1,):
            raise RunnerError(
                f"{self._what}: the output {port.name!r} has shape {array.shape}, expected a batch of 1 in front"
            )
        real = _real(array[0] if self._binding.has_batch else array, port)
        return _with_channels_first(real, self._binding.output_layout)

    def close(self) -> None:
        """Free the net."""
        self._session.close()


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...] | None) -> bool:
    """Whether an array has the sizes that a file fixes."""
    return wanted is None or all(size in (found, None) for found, size in zip(shape, wanted, strict=True))


def _stored(array: Array, port: Port) -> AnyArray:
    """Real numbers as an input stores them, rounded half to even and held within the integers' range."""
    if port.scaling is None:
        return array.astype(port.dtype, copy=False)
    limits = np.iinfo(port.dtype)
    levels = np.rint(array / np.float32(port.scaling.scale)) + port.scaling.zero_point
    stored: AnyArray = np.clip(levels, limits.min, limits.max).astype(port.dtype)
    return stored


def _real(array: AnyArray, port: Port) -> Array:
    """An own copy as float32."""
    if port.scaling is None:
        return np.array(array, np.float32)
    steps: Array = array.astype(np.float32) - np.float32(port.scaling.zero_point)
    return np.asarray(steps * np.float32(port.scaling.scale), np.float32)


def _with_channels_first(array: Array, layout: Layout) -> Array:
    """An output that is an image; others have no channels to move."""
    return np.ascontiguousarray(array.transpose(2, 0, 1)) if layout == "nhwc" and array.ndim == 3 else array
