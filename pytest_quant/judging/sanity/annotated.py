"""What images are annotated with, whatever the task: regions with their corners, from the ground truth of a sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from pytest_quant.datasets.coco_detection import DetectionTruth
from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.datasets.text_region import TextRegion


@dataclass(frozen=True)
class Region:
    """One annotated region of an image."""

    label: str
    """What it is, so that two of the same place and label are one annotated twice."""
    points: tuple[float, ...]
    """x1, y1, x2, y2, ... in pixels."""
    counts: bool = True
    """Whether it is to be found: no crowd, no don't-care region."""


@singledispatch
def regions_of(truth: Any) -> Sequence[Region]:
    """The regions of a ground truth; none for one without places, such as a class."""
    return ()


@regions_of.register
def _(truth: PoseTruth) -> Sequence[Region]:
    return [Region("person", _corners(one.box), not one.crowd) for one in truth.persons]


@regions_of.register
def _(truth: DetectionTruth) -> Sequence[Region]:
    return [Region(truth.classes[one.category], _corners(one.box), not one.crowd) for one in truth.objects]


@regions_of.register(tuple)
def _(truth: tuple[Any, ...]) -> Sequence[Region]:
    return list(_text_regions(truth))


def _text_regions(truth: tuple[Any, ...]) -> Iterator[Region]:
    for one in truth:
        if isinstance(one, TextRegion):
            yield Region("text", one.polygon, not one.ignore)


def _corners(box: Sequence[float]) -> tuple[float, ...]:
    left, top, width, height = box
    return (left, top, left + width, top, left + width, top + height, left, top + height)
