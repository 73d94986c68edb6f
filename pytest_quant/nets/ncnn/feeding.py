"""What a net of ncnn is fed: one image, or several arrays in the type and with the axes that its layers read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import ncnn
import numpy as np

from pytest_quant.nets.base import check_input
from pytest_quant.nets.given import AnyArray, ArraysByName, Given, by_name, converted, with_axes
from pytest_quant.nets.ncnn.files.facts import NetFacts, inspect_net
from pytest_quant.nets.ncnn.files.flow import check_flow
from pytest_quant.nets.ncnn.files.input_forms import input_form
from pytest_quant.nets.ncnn.files.param import Param, read_param
from pytest_quant.nets.ncnn.format import array_blobs, input_blob, net_files
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.net import ModelNet

MOST_AXES = 4
_AXES = {1: "(values)", 2: "(rows, values)", 3: "(channels, height, width)", 4: "(channels, depth, height, width)"}


@dataclass(frozen=True)
class FedArray:
    """One input blob of a net that is fed arrays."""

    blob: str
    name: str
    """Under which it is given."""
    axes: int | None = None
    """How many the layers take; None: as many as there are."""
    is_integer: bool = False
    """int32, else float32."""
    channels: int | None = None
    """Length of its first axis, where the weights prove it."""

    def made(self, what: str, array: AnyArray) -> AnyArray:
        """The array as ncnn takes it, contiguous; raises `RunnerError` where it does not fit."""
        fitting = with_axes(array, self.axes)
        if fitting is None or not 1 <= fitting.ndim <= MOST_AXES:
            wanted = f"{self.axes} axes, {_AXES[self.axes]}" if self.axes else f"1 to {MOST_AXES} axes"
            raise RunnerError(
                f"{what}: input {self.name!r}: found an array of shape {array.shape}, expected {wanted}, without a "
                "batch: ncnn has none"
            )
        if self.channels is not None and fitting.shape[0] != self.channels:
            raise RunnerError(
                f"{what}: input {self.name!r}: found an array of shape {array.shape}, expected {self.channels} along "
                f"the first axis, as the weights of the layer behind {self.blob!r} say"
            )
        return np.ascontiguousarray(converted(what, self.name, fitting, "int32" if self.is_integer else "float32"))


@dataclass(frozen=True)
class Feeding:
    """How what is given becomes blobs; plain data."""

    input_blob: str
    """Of a net that is fed an image."""
    channels: int | None = None
    """Expected channels of the image; None: any."""
    size: tuple[int, int] | None = None
    """Expected width and height; None: any."""
    arrays: tuple[FedArray, ...] = ()
    """Of a net that is fed arrays."""

    def blobs(self, what: str, given: Given) -> dict[str, AnyArray]:
        """Blob to contiguous array, float32 or int32; raises `RunnerError` for what is not usable."""
        if not self.arrays:
            return {self.input_blob: check_input(what, given, channels=self.channels, size=self.size)}
        arrays: ArraysByName = by_name(what, given, [one.name for one in self.arrays])
        return {one.blob: one.made(what, arrays[one.name]) for one in self.arrays}


@dataclass
class ShapeGuard:
    """Holds the shapes of arrays against the layers before ncnn does, which reads memory that is not there."""

    path: Path
    outputs: tuple[str, ...]
    """The blobs that are asked for."""
    _known: set[tuple[tuple[str, tuple[int, ...]], ...]] = field(default_factory=set)
    _param: Param | None = None

    def check(self, blobs: Mapping[str, AnyArray]) -> None:
        """Raise `RunnerError` at the first layer that cannot take what it would be given."""
        shapes = {blob: tuple(array.shape) for blob, array in blobs.items()}
        key = tuple(shapes.items())
        if key in self._known:
            return
        if self._param is None:
            self._param = read_param(self.path)
        try:
            check_flow(self._param, shapes, self.outputs)
        except ModelFileError as error:
            told = ", ".join(f"{blob} {shape}" for blob, shape in shapes.items())
            raise RunnerError(f"inputs of shape {told} do not fit the net: {error}") from None
        self._known.add(key)


def feeding_of(net: ModelNet, facts: NetFacts | None = None) -> Feeding:
    """How a net of a model is fed; ``facts`` of its files where they are known already."""
    files = net_files(net)
    facts = inspect_net(files.param, files.bin) if facts is None else facts
    if not net.input_names:
        return Feeding(input_blob(net), facts.input_channels.get(input_blob(net)), net.input.size)
    param = read_param(files.param)
    found = []
    for (name, _), blob in zip(net.input_names, array_blobs(net), strict=True):
        form = input_form(param, blob)
        channels = None if form.is_integer else facts.input_channels.get(blob)
        found.append(FedArray(blob, name, form.axes, form.is_integer, channels))
    return Feeding(found[0].blob, arrays=tuple(found))


def mat_of(array: AnyArray) -> ncnn.Mat:
    """An own copy in ncnn's memory.

    ncnn.Mat neither copies an array nor keeps it alive, and a first layer that works in place crashes on memory that
    is not ncnn's own: hence the clone, made while the array lives.
    """
    return ncnn.Mat(array).clone()


def told(blobs: Mapping[str, AnyArray]) -> str:
    """Shapes for a message.

    >>> told({"data": np.zeros((3, 8, 8), np.float32)})
    'an input of shape (3, 8, 8)'
    """
    if len(blobs) == 1:
        return f"an input of shape {next(iter(blobs.values())).shape}"
    return "inputs of shape " + ", ".join(f"{array.shape} ({blob})" for blob, array in blobs.items())
