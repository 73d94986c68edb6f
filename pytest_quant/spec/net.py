"""The nets of a model: their files, their input, and what runs them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pytest_quant.spec.calibration import CalibrationSpec

Side = Literal["fp32", "int8"]

SIDES: tuple[Side, Side] = ("fp32", "int8")
"""The two sides of a comparison, and the names of the two nets that every model has."""

Net = str
"""The name of a net of a model: ``fp32``, ``int8``, ``onnx`` (the model before conversion), or one of the user's."""

Runtime = Literal["reference", "deploy"]
"""``reference``: true fp32 arithmetic around the quantized layers, so that only quantization differs between the two
nets. ``deploy``: ncnn's own default options for both."""

Color = Literal["rgb", "bgr", "gray"]


@dataclass(frozen=True)
class ArrayInput:
    """One input of a net that is fed the arrays of a file."""

    name: str
    """What the net calls it."""
    key: str
    """What the array is called in the file of a sample."""


@dataclass(frozen=True)
class InputSpec:
    """What the net expects in its input blob."""

    blob: str
    size: tuple[int, int] | None
    """Width and height in pixels; None when an image keeps its own size."""
    color: Color
    mean: tuple[float, ...]
    """Per channel, in the order of ``color``, subtracted after ``scale``."""
    std: tuple[float, ...]
    """Per channel, in the order of ``color``; the divisor."""
    scale: float = 1.0
    """Multiplies the 0 to 255 pixel value first."""
    arrays: tuple[ArrayInput, ...] = ()
    """The inputs of a net that is fed arrays as they are: then there are no pixels, and the rest means nothing."""

    @classmethod
    def of_arrays(cls, arrays: tuple[ArrayInput, ...]) -> InputSpec:
        """Of a net that is fed arrays, one at least."""
        return cls(arrays[0].name, None, "rgb", (0.0,) * 3, (1.0,) * 3, arrays=arrays)

    @property
    def array_conditions(self) -> dict[str, object]:
        """Which array goes where, as plain JSON values."""
        return {"inputs": {one.name: one.key for one in self.arrays}}

    @property
    def channels(self) -> int:
        """Channels of the input array: 1 for gray, else 3."""
        return 1 if self.color == "gray" else 3

    @property
    def pixel_conditions(self) -> dict[str, object]:
        """What is done to pixels before the net sees them, as plain JSON values."""
        return {"color": self.color, "mean": list(self.mean), "std": list(self.std), "scale": self.scale}


@dataclass(frozen=True)
class OnnxSource:
    """An ONNX file that a net is converted from before the cases run."""

    path: Path


@dataclass(frozen=True)
class NetSpec:
    """One net of a model as its entry has it: what runs it, its files or how they are made, what it has of its own."""

    format: str
    """What runs it: the name of a net format, such as ``ncnn`` or ``onnxruntime``."""
    entry: Any = field(default=None, hash=False)  # a user's model of keys may hold lists
    """Its files and options, as its format has validated them; None while they are still to be made."""
    source: OnnxSource | CalibrationSpec | None = None
    """What its files are made from, when the entry does not name them."""
    input: InputSpec | None = None
    """Its own input, where it is prepared otherwise than the model's; what it is called stands in ``input_name``."""
    input_name: str | None = None
    """What it calls its input, where its entry says so."""
    arrays: tuple[ArrayInput, ...] = ()
    """Its own inputs where the model is fed arrays and the entry says what the net calls them."""
    outputs: tuple[str, ...] | None = None
    """What it calls the model's outputs, in their order, where its entry says so."""
    target: str | None = None
    """The machine that runs it, as an execnet gateway specification; None: this one."""

    @property
    def is_built(self) -> bool:
        """Whether its files are there, or were never to be made."""
        return self.entry is not None


@dataclass(frozen=True)
class ModelNet:
    """One net of a model, with everything that its format needs to check it, to load it and to run it.

    Plain data, so that it can cross a process boundary.
    """

    name: Net
    format: str
    entry: Any = field(hash=False)
    """Its files and options, as `NetSpec` has them."""
    input: InputSpec
    """What its input array is: the model's ``input``, or its own."""
    outputs: tuple[str, ...]
    """What a runner calls the arrays that it gives: the names that the model's decoder knows."""
    input_name: str | None = None
    """What it calls its input; None: the entry does not say, so it has to have one input only."""
    output_names: tuple[str, ...] | None = None
    """What it calls ``outputs``, in their order; None: the entry does not say, so it has to be told by the file."""
    input_names: tuple[tuple[str, str | None], ...] = ()
    """Of a net that is fed arrays: the name under which each is given, and what the net calls it, where that is said;
    without those that it does not take. Empty for a net that is fed an image."""
    runtime: Runtime = "reference"
    target: str | None = None
    """The machine that runs it; None: this one."""
