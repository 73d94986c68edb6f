"""``ground-truth``: annotations that contradict themselves."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import DetectionTruth
from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.spec.text import first_few

_LEAST_SIDE_PX = 1.0
"""A box that is narrower may have no area."""


def find_contradictions(look: Look) -> Iterator[Finding]:
    """Errors about what COCO's files say twice: labelled keypoints, and the size of an object."""
    persons, unlike = 0, []
    objects, flat = 0, []
    for sample in look.samples:
        persons += _persons(sample)
        unlike += _unlike_visibility(sample)
        sizes = list(_sizes(sample))
        objects += len(sizes)
        flat += [name for name, side, area in sizes if side >= _LEAST_SIDE_PX and area == 0]
    if unlike:
        yield Finding(
            "ground-truth",
            "error",
            f"`num_keypoints` of {len(unlike)} of {persons} persons is not the number of their keypoints with a "
            f"visibility above 0 (annotations {first_few(unlike)})",
            "the metric reads both, so correct the annotations: which of the two was edited or lost?",
        )
    if flat:
        yield Finding(
            "ground-truth",
            "error",
            f"{len(flat)} of {objects} annotations have `area: 0` though their box is not empty (annotations "
            f"{first_few(flat)})",
            "the area scales what counts as near, and sorts into small, medium and large: write that of the "
            "segmentation, or of the box",
        )


def _persons(sample: Sample) -> int:
    return len(sample.truth.persons) if isinstance(sample.truth, PoseTruth) else 0


def _unlike_visibility(sample: Sample) -> list[str]:
    if not isinstance(sample.truth, PoseTruth):
        return []
    return [
        str(person.id)
        for person in sample.truth.persons
        if not person.crowd and person.labelled != sum(visibility > 0 for visibility in person.keypoints[2::3])
    ]


def _sizes(sample: Sample) -> Iterator[tuple[str, float, float]]:
    """Of each annotation the id, the shorter side of its box and its area."""
    truth = sample.truth
    if isinstance(truth, PoseTruth):
        yield from ((str(one.id), min(one.box[2:]), one.area) for one in truth.persons if not one.crowd)
    elif isinstance(truth, DetectionTruth):
        yield from ((str(one.id), min(one.box[2:]), one.area) for one in truth.objects if not one.crowd)
