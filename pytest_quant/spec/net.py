"""The nets of a model: their files, their input, and what runs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Side = Literal["fp32", "int8"]

SIDES: tuple[Side, Side] = ("fp32", "int8")
"""The two ncnn nets of a model, which every model has."""

Net = Literal["fp32", "int8", "onnx", "onnx_int8"]
"""Every net that a model can have, in the order of the stages: ``onnx`` is the model before conversion to ncnn,
``onnx_int8`` its quantized ONNX form. All are run over the same samples through the same pipeline."""

Runtime = Literal["reference", "deploy"]
"""``reference``: true fp32 arithmetic around the quantized layers, so that only quantization differs between the two
nets. ``deploy``: ncnn's own default options for both."""

Color = Literal["rgb", "bgr", "gray"]


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

    @property
    def channels(self) -> int:
        """Channels of the input array: 1 for gray, else 3."""
        return 1 if self.color == "gray" else 3


@dataclass(frozen=True)
class NetFiles:
    """The two files of one ncnn net."""

    param: Path
    bin: Path


UNBUILT = NetFiles(Path("not-built-yet.param"), Path("not-built-yet.bin"))
"""Stands for files that are made before the cases run; `Workbench.built` puts the real ones in their place."""


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file of a model."""

    path: Path
    input: str | None = None
    """Name of its input; None: it has one."""
    outputs: tuple[str, ...] | None = None
    """Names of its outputs in the order of the model's ``outputs``; None: they can be told."""
