"""COCO's numbers of both sides on the same images, and how the sides differ object by object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import DetectionTruth, truth_of
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.net import SIDES
from pytest_quant.tasks.base import ClassScore, Comparison, Flips, MetricPair, Resampled
from pytest_quant.tasks.coco.average_precision import AveragePrecision, AverageRecall
from pytest_quant.tasks.coco.definition import AT_50, AT_75, Definition, SideMatches, metric_pairs
from pytest_quant.tasks.coco.matches import Ints, Matches, found_by_image
from pytest_quant.tasks.moved import moved_most
from pytest_quant.tasks.object_detection.matching import flat_found, flat_objects, match
from pytest_quant.tasks.object_detection.prediction import Detections

DEFINITIONS: Mapping[str, Definition] = {
    "mAP": Definition(AveragePrecision),
    "mAP50": Definition(AveragePrecision, levels=AT_50),
    "mAP75": Definition(AveragePrecision, levels=AT_75),
    "mAPS": Definition(AveragePrecision, area="small"),
    "mAPM": Definition(AveragePrecision, area="medium"),
    "mAPL": Definition(AveragePrecision, area="large"),
    "AR1": Definition(AverageRecall, most=1),
    "AR10": Definition(AverageRecall, most=10),
    "AR100": Definition(AverageRecall),
    "ARS": Definition(AverageRecall, area="small"),
    "ARM": Definition(AverageRecall, area="medium"),
    "ARL": Definition(AverageRecall, area="large"),
}
"""COCO's twelve numbers, in the order in which COCOeval prints them."""

METRICS: Mapping[str, Metric] = {
    name: Metric(name, "fraction", has_classes=True)
    for name, made in DEFINITIONS.items()
    if made.kind is AveragePrecision
}
"""The recalls stand in the report's details: they do not fall when false alarms are added."""

_DIGITS = 6

_LENIENT = tuple(range(AT_75[0] + 1))
"""Of 0.50 to 0.75, where another net's answers are the truth: it is as far from the objects as the net that is scored,
so that a box that differs from its by a pixel, which 0.95 calls wrong, is as good as it."""


def compare_sides(
    samples: Sequence[Sample], fp32: Sequence[Detections], int8: Sequence[Detections], wanted: Iterable[str]
) -> Comparison:
    """Score both sides, whose predictions are in the order of the samples.

    A metric for which there is no object to be found, such as mAPS without small ones, is left out unless ``wanted``
    names it. Flips count objects found at an IoU of 0.50 by one side alone; agreement is the share of objects that
    both sides find or both miss there.

    Raises `DatasetError` when mAP itself, or a metric that is wanted, has no object to be found.
    """
    if not len(samples) == len(fp32) == len(int8) or not samples:
        raise ValueError(f"{len(samples)} samples, {len(fp32)} fp32 and {len(int8)} int8 predictions: expected as many")
    truths, images = [truth_of(sample) for sample in samples], len(samples)
    # COCOeval goes by rising image id, on which the order of equal scores depends.
    order = np.argsort([truth.image.id for truth in truths], kind="stable")
    classes = _classes(truths, (fp32, int8))
    matches = (_matches(truths, fp32, order, len(classes)), _matches(truths, int8, order, len(classes)))
    pairs = dict(metric_pairs(_definitions(truths), METRICS, matches, images))
    _require({"mAP", *wanted}, pairs, images)
    found = [found_by_image(side["all"], images) for side in matches]
    return Comparison(
        metrics=pairs,
        flips=_flips(matches[0]["all"], matches[1]["all"]),
        moved=moved_most(samples, found[0], found[1]),
        details=_details(classes, images, matches, (fp32, int8)),
        class_scores=partial(_class_scores, classes, images, matches),
    )


def _class_scores(
    names: Sequence[str], images: int, matches: tuple[SideMatches, SideMatches], metric: str
) -> list[ClassScore]:
    """The AP of each category that has an object to be found; its samples are the images that hold one."""
    if metric not in METRICS:
        return []
    found, made = [], DEFINITIONS[metric]
    for index, name in enumerate(names):
        own = [{area: [side[area][index]] for area in side} for side in matches]
        holding = len(np.unique(own[0][made.area][0].truth_image))
        if holding:
            fp32, int8 = (made.of(side, images) for side in own)
            before, after = (made.value(side, images) for side in own)
            pair = MetricPair(METRICS[metric], before, after, Resampled(images, fp32, int8))
            found.append(ClassScore(name, holding, pair))
    return found


def _definitions(truths: Sequence[DetectionTruth]) -> Mapping[str, Definition]:
    """COCO's, but where another net's answers are the truth."""
    if not any(truth.is_reference for truth in truths):
        return DEFINITIONS
    return {
        name: made if made.levels in (AT_50, AT_75) else replace(made, levels=_LENIENT)
        for name, made in DEFINITIONS.items()
    }


def _classes(truths: Sequence[DetectionTruth], sides: Iterable[Sequence[Detections]]) -> list[str]:
    """The names of the classes; where fp32's answers are the truth, a class may have none, and is its number then."""
    names = list(truths[0].classes)
    labels = [int(found.labels.max(initial=-1)) for side in sides for found in side]
    objects = [one.category for truth in truths for one in truth.objects]
    return names + [str(number) for number in range(len(names), max([*labels, *objects, -1]) + 1)]


def _matches(truths: Sequence[DetectionTruth], side: Sequence[Detections], order: Ints, categories: int) -> SideMatches:
    """Matches of one side, with images numbered as the samples are."""
    matched = match(
        flat_found([side[index] for index in order]),
        flat_objects([truths[index].objects for index in order]),
        images=len(truths),
        categories=categories,
    )
    return {
        area: [replace(one, image=order[one.image], truth_image=order[one.truth_image]) for one in categories]
        for area, categories in matched.items()
    }


def _require(wanted: Iterable[str], found: Iterable[str], images: int) -> None:
    missing = sorted(set(wanted).intersection(METRICS).difference(found))
    if missing:
        area = DEFINITIONS[missing[0]].area
        raise DatasetError(
            f"{missing[0]} is not defined: the {images} evaluated images have no annotated object that counts for it "
            f"(areas: {area}); evaluate more images, or take {missing[0]} out of the model's limits"
        )


def _flips(fp32: Sequence[Matches], int8: Sequence[Matches]) -> Flips:
    one, other = (np.concatenate([matches.found[0] for matches in side]) for side in (fp32, int8))
    return Flips(
        only_fp32_right=int(np.count_nonzero(one & ~other)),
        only_int8_right=int(np.count_nonzero(other & ~one)),
        agreement_pct=100 * int(np.count_nonzero(one == other)) / one.size,
    )


def _details(
    names: Sequence[str],
    images: int,
    matches: tuple[SideMatches, SideMatches],
    predictions: tuple[Sequence[Detections], Sequence[Detections]],
) -> dict[str, object]:
    """The recalls and the number of detections of each side, and the AP of every class that has an object."""
    details: dict[str, object] = {}
    for side, own, found in zip(SIDES, matches, predictions, strict=True):
        recalls = {name: made.value(own, images) for name, made in DEFINITIONS.items() if name not in METRICS}
        details[side] = {
            "detections": sum(map(len, found)),
            **{name: round(value, _DIGITS) for name, value in recalls.items() if value == value},
        }
    fp32, int8 = (AveragePrecision(images, side["all"]).by_category().round(_DIGITS).tolist() for side in matches)
    details["classes"] = {
        name: {"objects": len(one.truth_image), "fp32": before, "int8": after}
        for name, one, before, after in zip(names, matches[0]["all"], fp32, int8, strict=True)
        if len(one.truth_image)
    }
    return details
