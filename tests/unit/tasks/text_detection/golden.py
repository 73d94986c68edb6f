"""Inputs and outputs of the reference implementations, for the tests of this folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pytest_quant.tasks.text_detection.geometry import Geometry
from pytest_quant.tasks.text_detection.prediction import TextPrediction

_OPENCV_4 = cv2.__version__.startswith("4.")
FOLDER = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class GoldenCase:
    """One configuration of a reference decoder on one input."""

    name: str
    kwargs: dict[str, Any]
    maps: NDArray[np.float32]
    geometry: Geometry
    polygons: list[list[float]]
    scores: list[float]

    def check(self, found: TextPrediction) -> None:
        """Polygons to a billionth of a pixel and in the same order, scores to float32.

        The rectangles of OpenCV 4 begin at another corner than those of 5, and are those of floats.
        """
        assert len(found.polygons) == len(self.polygons)
        for polygon, expected in zip(found.polygons, self.polygons, strict=True):
            wanted = np.array(expected).reshape(-1, 2)
            if _OPENCV_4 and len(wanted) == 4:
                first = int(np.abs(wanted - polygon[0]).sum(axis=1).argmin())
                np.testing.assert_allclose(polygon, np.roll(wanted, -first, axis=0), rtol=0, atol=1e-3)
            else:
                np.testing.assert_allclose(polygon, wanted, rtol=0, atol=1e-9)
        np.testing.assert_allclose(found.scores, self.scores, rtol=0, atol=2e-7)


@cache
def load_json(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


def decoder_cases(expected: str, inputs: str, kind: str = "rescaled") -> list[GoldenCase]:
    """All cases of a file; ``kind`` is ``rescaled`` or ``map_coordinates``."""
    with np.load(FOLDER / inputs) as file:
        arrays = {name: file[name] for name in file.files}
    cases = []
    for name, config in load_json(expected)["configs"].items():
        for case in config["cases"]:
            maps, number = arrays[f"case{case['case']}"], case["case"]
            scale = tuple(arrays["scale_factor"][number].tolist()) if kind == "rescaled" else (1.0, 1.0)
            geometry = geometry_of(maps, scale)
            wanted = case[kind]
            cases.append(
                GoldenCase(f"{name}-{number}", config["kwargs"], maps, geometry, wanted["polygons"], wanted["scores"])
            )
    return cases


def geometry_of(maps: NDArray[np.float32], scale: tuple[float, ...] = (1.0, 1.0)) -> Geometry:
    """A net's input as large as the maps."""
    size = (maps.shape[-1], maps.shape[-2])
    return Geometry((scale[0], scale[1]), size, size)
