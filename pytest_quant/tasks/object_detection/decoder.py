"""From a net's outputs to detections in the image: what every decoder does, whatever its boxes are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pytest_quant.spec.errors import ConfigError
from pytest_quant.tasks.object_detection.geometry import Geometry
from pytest_quant.tasks.object_detection.levels import Outputs, check_finite
from pytest_quant.tasks.object_detection.nms import suppress
from pytest_quant.tasks.object_detection.parameters import Parameters
from pytest_quant.tasks.object_detection.prediction import Detections
from pytest_quant.tasks.object_detection.priors import Cells, Points, cells_of, points

P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True)
class Decoder(ABC, Generic[P]):
    """Outputs to detections; one of the subclasses for each ``decoder``."""

    blobs: tuple[str, ...]
    """The output blobs, in the order of the zoo entry."""
    parameters: P

    def __post_init__(self) -> None:
        """Raise `ConfigError` for a number of blobs that this decoder does not take."""
        expected = self.takes()
        if len(self.blobs) not in expected:
            raise ConfigError(f"output: found {list(self.blobs)}; this decoder takes {' or '.join(expected.values())}")

    def __call__(self, outputs: Outputs, geometry: Geometry, classes: int | None) -> Detections:
        """The detections of one image, the best by score.

        Raises `RunnerError` for outputs that are not what the decoder takes, or of another number of classes than
        ``classes`` (None: unknown).
        """
        check_finite(outputs, self.blobs)
        parameters = self.parameters
        found = self.found(outputs, geometry, classes)
        if parameters.clip:
            found = Detections(geometry.clip(found.boxes), found.scores, found.labels)
        if parameters.min_bbox_size >= 0:
            found = found[geometry.extent(found.boxes).min(axis=1) > parameters.min_bbox_size]
        chosen = found[suppress(found, parameters.nms, parameters.iou_threshold, parameters.max_detections)]
        return Detections(geometry.to_image(chosen.boxes), chosen.scores, chosen.labels)

    @abstractmethod
    def takes(self) -> dict[int, str]:
        """Numbers of blobs that the decoder takes, and what they hold, in words."""

    @abstractmethod
    def found(self, outputs: Outputs, geometry: Geometry, classes: int | None) -> Detections:
        """What is above the threshold, in pixels of the input, before suppression."""

    def cells(self, geometry: Geometry) -> list[Cells]:
        """Columns and rows of each level."""
        return [cells_of(geometry.input_size, stride) for stride in self.parameters.strides]

    def grid(self, cells: Sequence[Cells], offset: float) -> tuple[Points, NDArray[np.float32]]:
        """The points of all levels, and the stride of each."""
        strides = self.parameters.strides
        places = [points(of, stride, offset) for of, stride in zip(cells, strides, strict=True)]
        return np.concatenate(places), np.repeat(np.array(strides, np.float32), [len(place) for place in places])


def edges_of(counts: Sequence[int]) -> list[int]:
    """First row of each level, and the number of rows.

    >>> edges_of([4, 2])
    [0, 4, 6]
    """
    return [0, *accumulate(counts)]


def area(cells: Cells) -> int:
    """How many cells a level has."""
    return cells[0] * cells[1]
