"""AP and AR of both sides on the same images, and how they differ person by person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_keypoints import PoseTruth, truth_of
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import Comparison, Flips
from pytest_quant.tasks.coco.average_precision import AveragePrecision, AverageRecall
from pytest_quant.tasks.coco.definition import AT_50, AT_75, Definition, metric_pairs
from pytest_quant.tasks.coco.matches import Matches, found_by_image
from pytest_quant.tasks.keypoints.matching import Persons, Poses, flat_persons, match
from pytest_quant.tasks.keypoints.nms import pose_similarity
from pytest_quant.tasks.keypoints.prediction import PosePrediction
from pytest_quant.tasks.keypoints.results import Results, box_corners
from pytest_quant.tasks.moved import moved_most

SAME_POSE_OKS = 0.9
"""Poses of both sides with at least this similarity agree; by default OKS-NMS takes more similar ones for one pose."""


DEFINITIONS: Mapping[str, Definition] = {
    "AP": Definition(AveragePrecision),
    "AP50": Definition(AveragePrecision, levels=AT_50),
    "AP75": Definition(AveragePrecision, levels=AT_75),
    "APM": Definition(AveragePrecision, area="medium"),
    "APL": Definition(AveragePrecision, area="large"),
    "AR": Definition(AverageRecall),
    "AR50": Definition(AverageRecall, levels=AT_50),
    "AR75": Definition(AverageRecall, levels=AT_75),
    "ARM": Definition(AverageRecall, area="medium"),
    "ARL": Definition(AverageRecall, area="large"),
}
"""In the order in which COCOeval prints them."""

METRICS: Mapping[str, Metric] = {name: Metric(name, "fraction") for name in DEFINITIONS}


def compare_sides(
    samples: Sequence[Sample],
    fp32: Sequence[PosePrediction],
    int8: Sequence[PosePrediction],
    results: Results,
    wanted: Iterable[str],
) -> Comparison:
    """Score both sides, whose predictions are in the order of the samples.

    A metric for which there is no person to be found, such as APM without persons of medium size, is left out unless
    ``wanted`` names it. Flips count persons found at an OKS of 0.50 by one side alone; agreement is the share of boxes
    in which both sides see the same pose, with an OKS of 0.9 or more between them.

    Raises `DatasetError` when AP itself, or a metric that is wanted, has no person to be found.
    """
    if not len(samples) == len(fp32) == len(int8) or not samples:
        raise ValueError(f"{len(samples)} samples, {len(fp32)} fp32 and {len(int8)} int8 predictions: expected as many")
    truths = [truth_of(sample) for sample in samples]
    # COCOeval goes by rising image id, on which the order of equal scores depends.
    order = np.argsort([truth.image.id for truth in truths], kind="stable")
    ordered = [truths[index] for index in order]
    persons = flat_persons([truth.persons for truth in ordered])
    poses = [results.poses(ordered, [side[index] for index in order]) for side in (fp32, int8)]
    matches = [_matches(side, persons, order) for side in poses]
    sides = [{area: [found] for area, found in side.items()} for side in matches]
    pairs = dict(metric_pairs(DEFINITIONS, METRICS, (sides[0], sides[1]), len(samples)))
    _require({"AP", *wanted}, pairs, len(samples))
    whole = [side["all"] for side in matches]
    return Comparison(
        metrics=pairs,
        flips=_flips(whole[0], whole[1], _agreement_pct(truths, fp32, int8, results)),
        moved=moved_most(samples, found_by_image(whole[:1], len(samples)), found_by_image(whole[1:], len(samples))),
    )


def _matches(poses: Poses, persons: Persons, order: NDArray[np.int64]) -> dict[str, Matches]:
    """Matches with images numbered as the samples are."""
    return {
        area: replace(found, image=order[found.image], truth_image=order[found.truth_image])
        for area, found in match(poses, persons).items()
    }


def _require(wanted: Iterable[str], found: Iterable[str], images: int) -> None:
    missing = sorted(set(wanted).intersection(DEFINITIONS).difference(found))
    if missing:
        raise DatasetError(
            f"{missing[0]} is not defined: the {images} evaluated images have no annotated person that counts for it "
            f"(areas: {DEFINITIONS[missing[0]].area}); evaluate more images, or take {missing[0]} out of the model's "
            "limits"
        )


def _flips(fp32: Matches, int8: Matches, agreement_pct: float) -> Flips:
    found_fp32, found_int8 = fp32.found[0], int8.found[0]
    return Flips(
        only_fp32_right=int(np.count_nonzero(found_fp32 & ~found_int8)),
        only_int8_right=int(np.count_nonzero(found_int8 & ~found_fp32)),
        agreement_pct=agreement_pct,
    )


def _agreement_pct(
    truths: Sequence[PoseTruth], fp32: Sequence[PosePrediction], int8: Sequence[PosePrediction], results: Results
) -> float:
    areas = results.person_areas(np.concatenate([box_corners(truth) for truth in truths]))
    if not areas.size:
        return 100.0
    poses = [np.concatenate([prediction.keypoints for prediction in side]) for side in (fp32, int8)]
    alike = pose_similarity(poses[0], poses[1], areas) >= SAME_POSE_OKS
    return 100 * int(np.count_nonzero(alike)) / areas.size
