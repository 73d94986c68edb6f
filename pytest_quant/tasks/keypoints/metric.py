"""AP and AR of both sides on the same images, and how they differ person by person."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_keypoints import PoseTruth, truth_of
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import Comparison, Flips, MetricPair, Resampled
from pytest_quant.tasks.coco.average_precision import AveragePrecision, AverageRecall
from pytest_quant.tasks.coco.matches import SIMILARITY_THRESHOLDS, Matches
from pytest_quant.tasks.keypoints.matching import Persons, Poses, flat_persons, match
from pytest_quant.tasks.keypoints.nms import pose_similarity
from pytest_quant.tasks.keypoints.prediction import PosePrediction
from pytest_quant.tasks.keypoints.results import Results, box_corners
from pytest_quant.tasks.moved import moved_most

SAME_POSE_OKS = 0.9
"""Poses of both sides with at least this similarity agree; by default OKS-NMS takes more similar ones for one pose."""


@dataclass(frozen=True)
class Definition:
    """What a metric's value is made of."""

    kind: type[AveragePrecision | AverageRecall]
    area: str = "all"
    levels: tuple[int, ...] = tuple(range(len(SIMILARITY_THRESHOLDS)))
    """Places of the OKS thresholds to average over."""

    def of(self, matches: Mapping[str, Matches], images: int) -> AveragePrecision | AverageRecall:
        """The metric of one side, as a function of how often each image counts."""
        return self.kind(images, [matches[self.area].at(list(self.levels))])


_AT_50, _AT_75 = (0,), (5,)

DEFINITIONS: Mapping[str, Definition] = {
    "AP": Definition(AveragePrecision),
    "AP50": Definition(AveragePrecision, levels=_AT_50),
    "AP75": Definition(AveragePrecision, levels=_AT_75),
    "APM": Definition(AveragePrecision, area="medium"),
    "APL": Definition(AveragePrecision, area="large"),
    "AR": Definition(AverageRecall),
    "AR50": Definition(AverageRecall, levels=_AT_50),
    "AR75": Definition(AverageRecall, levels=_AT_75),
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
    pairs = dict(_pairs(matches, len(samples)))
    _require({"AP", *wanted}, pairs, len(samples))
    whole = [side["all"] for side in matches]
    return Comparison(
        metrics=pairs,
        flips=_flips(whole[0], whole[1], _agreement_pct(truths, fp32, int8, results)),
        moved=moved_most(samples, _found(whole[0], len(samples)), _found(whole[1], len(samples))),
    )


def _matches(poses: Poses, persons: Persons, order: NDArray[np.int64]) -> dict[str, Matches]:
    """Matches with images numbered as the samples are."""
    return {
        area: replace(found, image=order[found.image], truth_image=order[found.truth_image])
        for area, found in match(poses, persons).items()
    }


def _pairs(matches: Sequence[Mapping[str, Matches]], images: int) -> Iterator[tuple[str, MetricPair]]:
    """The metrics that have persons to be found; the measured value is that of each image once."""
    once = np.ones((1, images), np.int64)
    for name, definition in DEFINITIONS.items():
        fp32, int8 = (definition.of(side, images) for side in matches)
        values = float(fp32(once)[0]), float(int8(once)[0])
        if not math.isnan(values[0]):
            yield name, MetricPair(METRICS[name], *values, Resampled(images, fp32, int8))


def _require(wanted: Iterable[str], found: Iterable[str], images: int) -> None:
    missing = sorted(set(wanted).intersection(DEFINITIONS).difference(found))
    if missing:
        raise DatasetError(
            f"{missing[0]} is not defined: the {images} evaluated images have no annotated person that counts for it "
            f"(areas: {DEFINITIONS[missing[0]].area}); evaluate more images, or take {missing[0]} out of the model's "
            "limits"
        )


def _found(matches: Matches, images: int) -> NDArray[np.float64]:
    """How many persons of each image were found, on the average over the OKS thresholds."""
    shares = matches.found.mean(axis=0)
    return np.bincount(matches.truth_image, weights=np.round(shares, 6), minlength=images).astype(np.float64)


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
