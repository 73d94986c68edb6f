"""Ground truth of single images, and what checks that read it alone say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import CocoObject, DetectionTruth
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_persons import Person
from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.judging.sanity import Check
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.images import headers, read_header
from pytest_quant.judging.sanity.look import Look

IMAGE = CocoImage(1, "1.png", 100, 80)


def found_by(check: Check, samples: Sequence[Sample], task: str = "object-detection", **dataset: Any) -> list[Finding]:
    """The findings of a check over samples of a model of that task."""
    model = SimpleNamespace(task=task, dataset=SimpleNamespace(is_unlabelled=False, **dataset))
    found = headers(samples, lambda sample, path: read_header(path))
    look = SimpleNamespace(samples=samples, model=model, headers=found, probe=lambda name, key, make: make())
    return list(check(cast(Look, look)))


def person(id_: int, *, visible: int = 17, labelled: int = 17, area: float = 900.0) -> Person:
    """A person with a box of 30 by 30 pixels."""
    points = tuple(value for n in range(17) for value in (10.0, 10.0, 2.0 if n < visible else 0.0))
    return Person(id_, (5.0, 5.0, 30.0, 30.0), area, points, labelled, crowd=False)


def objects(*boxes: tuple[float, ...], area: float = 81.0) -> DetectionTruth:
    """Objects of one class, by left, top, width and height."""
    found = tuple(CocoObject(n, 0, box, area, crowd=False) for n, box in enumerate(boxes, 1))
    return DetectionTruth(IMAGE, found, ("thing",))


def lines(*texts: str, ignored: str = "###") -> tuple[TextRegion, ...]:
    """Regions of text, each in a place of its own."""
    return tuple(
        TextRegion((0.0, 9.0 * n, 50.0, 9.0 * n, 50.0, 9.0 * n + 5, 0.0, 9.0 * n + 5), text == ignored, text)
        for n, text in enumerate(texts)
    )


def image(path: Path, width: int = 100, height: int = 80) -> Path:
    """Write a gray image."""
    cv2.imwrite(str(path), np.full((height, width, 3), 128, np.uint8))
    return path
