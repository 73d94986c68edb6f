"""The decoder of a model, behind checks of what the net gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from pytest_quant.spec.environment import version_of
from pytest_quant.spec.errors import RunnerError
from pytest_quant.tasks.text_detection.geometry import Geometry
from pytest_quant.tasks.text_detection.options import PostprocessOptions
from pytest_quant.tasks.text_detection.parameters import DbParameters, PanParameters, TextSnakeParameters
from pytest_quant.tasks.text_detection.prediction import TextPrediction

Maps = NDArray[np.float32]
Decode = Callable[[Maps, Geometry], TextPrediction]

_PROBABILITY_SLACK = 1e-3
"""A sigmoid in half precision may miss 0 and 1 by about that."""


@dataclass(frozen=True)
class Decoder:
    """Output blob to prediction; pickles."""

    decode: Decode
    channels: str
    """What the blob must hold, for messages."""
    least: int
    """How many channels it must have, and may have at most."""
    most: int | None = None
    ratio: float = 1.0
    """Size of the maps over that of the net's input."""
    gives_probabilities: bool = False
    """Whether values outside of [0, 1] mean that it is another blob."""
    libraries: tuple[str, ...] = ()
    """Distributions other than numpy, scipy and OpenCV that do a part of the work."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Of ``libraries``."""
        return {name: version_of(name) for name in self.libraries}

    def __call__(self, output: Maps, blob: str, geometry: Geometry) -> TextPrediction:
        """Decode one output; raises `RunnerError` when it is not what the decoder takes.

        Args:
            output: float32, shape (channels, h, w), or (h, w) for one channel.
            blob: Its name, for the message.
            geometry: Of the image.

        """
        maps = output[np.newaxis] if output.ndim == 2 else output
        height, width = (round(side * self.ratio) for side in reversed(geometry.input_size))
        if maps.ndim != 3 or not self._fits(len(maps)) or maps.shape[1:] != (height, width):
            raise RunnerError(
                f"output blob {blob!r} has shape {output.shape} for an input of width {geometry.input_size[0]} and "
                f"height {geometry.input_size[1]}; expected {self.channels} of shape ({height}, {width}): is this the "
                "blob of the maps, and is it the decoder of this net?"
            )
        self._check_values(maps, blob)
        return self.decode(np.ascontiguousarray(maps, np.float32), geometry)

    def _fits(self, channels: int) -> bool:
        return self.least <= channels and (self.most is None or channels <= self.most)

    def _check_values(self, maps: Maps, blob: str) -> None:
        lowest, highest = float(maps.min()), float(maps.max())
        if not np.isfinite([lowest, highest]).all():
            bad = int(np.count_nonzero(~np.isfinite(maps)))
            raise RunnerError(f"output blob {blob!r} holds {bad} of {maps.size} values that are not finite")
        if self.gives_probabilities and not (lowest >= -_PROBABILITY_SLACK and highest <= 1 + _PROBABILITY_SLACK):
            raise RunnerError(
                f"output blob {blob!r} holds values from {lowest:g} to {highest:g}; expected probabilities from 0 to "
                "1: name the blob after the sigmoid"
            )


def _decode_only_map(decode: Decode, maps: Maps, geometry: Geometry) -> TextPrediction:
    return decode(maps[0], geometry)


def _decode_with(decoder: str, maps: Maps, geometry: Geometry, *, parameters: object) -> TextPrediction:
    """Decode with the module of that name, whose libraries are imported when the first output comes."""
    module = import_module(f"pytest_quant.tasks.text_detection.{decoder}")
    found: TextPrediction = getattr(module, f"decode_{decoder}")(maps, geometry, parameters=parameters)
    return found


def make_decoder(options: PostprocessOptions) -> Decoder:
    """The decoder that a zoo entry asks for; its libraries are imported when it decodes."""
    parameters = options.parameters
    decode = partial(_decode_with, options.decoder, parameters=parameters)
    if isinstance(parameters, PanParameters):
        return Decoder(
            decode,
            "text, kernel and embedding maps",
            least=3,
            ratio=parameters.downsample_ratio,
        )
    if isinstance(parameters, TextSnakeParameters):
        return Decoder(
            decode,
            "5 maps (text, centre, sine, cosine, radius)",
            least=5,
            most=5,
        )
    if isinstance(parameters, DbParameters):
        return Decoder(
            partial(_decode_only_map, decode),
            "1 map of probabilities",
            least=1,
            most=1,
            gives_probabilities=True,
            libraries=("pyclipper",),
        )
    raise TypeError(f"{parameters!r} are not parameters of a decoder")
