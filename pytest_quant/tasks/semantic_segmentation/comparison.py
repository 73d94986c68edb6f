"""Both sides of a segmenter scored on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import ClassScore, Comparison, Flips, MetricPair, Recompute, Resampled
from pytest_quant.tasks.moved import moved_most
from pytest_quant.tasks.semantic_segmentation.counts import PixelCounts
from pytest_quant.tasks.semantic_segmentation.iou import scores
from pytest_quant.tasks.semantic_segmentation.likely import LikelyAnswers
from pytest_quant.tasks.semantic_segmentation.options import Void
from pytest_quant.tasks.semantic_segmentation.prediction import (
    ReferenceAnswers,
    SegmentationPrediction,
    against_likely,
    against_reference,
)

_OF_CLASSES = ("mIoU", "mAcc")
"""Means of a value of each class."""

METRICS: Mapping[str, Metric] = {
    name: Metric(name, "%", has_classes=name in _OF_CLASSES) for name in ("mIoU", "mAcc", "aAcc")
}


def compare_sides(
    samples: Sequence[Sample],
    fp32: Sequence[SegmentationPrediction],
    int8: Sequence[SegmentationPrediction],
    void: Void,
    names: Sequence[str] | None,
) -> Comparison:
    """Score both sides, whose predictions are in the order of the samples; ``names`` are those of the classes.

    Flips and agreement are about pixels: of each image at most 16384, evenly spread, for which both sides' answers are
    kept; flips are scaled to all pixels.

    Raises:
        DatasetError: No pixel of the ground truth has a class, so that nothing would be measured.

    """
    if not len(samples) == len(fp32) == len(int8) or not samples:
        raise ValueError(f"{len(samples)} samples, {len(fp32)} fp32 and {len(int8)} int8 predictions: expected as many")
    fp32, int8 = _referenced(samples, fp32), _referenced(samples, int8)
    counts = {
        "fp32": PixelCounts.of([one.counts for one in fp32]),
        "int8": PixelCounts.of([one.counts for one in int8]),
    }
    if not counts["fp32"].labelled.any():
        raise DatasetError(
            f"no pixel of the {len(samples)} label images has a class (all are void), so mIoU measures nothing: are "
            "ignore_index and reduce_zero_label those of this dataset?"
        )
    return Comparison(
        metrics={name: _pair(name, counts, void) for name in METRICS},
        flips=_flips(fp32, int8),
        moved=moved_most(samples, _accuracy(counts["fp32"]), _accuracy(counts["int8"])),
        details=_details(counts, void, names, fp32),
        class_scores=partial(_class_scores, counts, void, names),
    )


def _class_scores(
    counts: Mapping[str, PixelCounts], void: Void, names: Sequence[str] | None, metric: str
) -> list[ClassScore]:
    """IoU or accuracy of each class that is in the truth; its samples are the images that hold a pixel of it."""
    holding = np.count_nonzero(counts["fp32"].labelled, axis=0).tolist()
    return [
        ClassScore(_called(names, index), samples, _pair(metric, _of_class(counts, index), void))
        for index, samples in enumerate(holding)
        if samples and metric in _OF_CLASSES
    ]


def _of_class(counts: Mapping[str, PixelCounts], index: int) -> dict[str, PixelCounts]:
    """The counts of one class: a mean over the classes is its own value then."""
    return {side: one.of_class(index) for side, one in counts.items()}


def _called(names: Sequence[str] | None, index: int) -> str:
    return str(index) if names is None else names[index]


def _referenced(samples: Sequence[Sample], side: Sequence[SegmentationPrediction]) -> Sequence[SegmentationPrediction]:
    return [_against(sample.truth, one) for sample, one in zip(samples, side, strict=True)]


def _against(truth: object, one: SegmentationPrediction) -> SegmentationPrediction:
    if isinstance(truth, ReferenceAnswers):
        return against_reference(one, truth)
    return against_likely(one, truth) if isinstance(truth, LikelyAnswers) else one


def _pair(name: str, counts: Mapping[str, PixelCounts], void: Void) -> MetricPair:
    values = {side: float(scores(one, void=void).values[name][0]) for side, one in counts.items()}
    evidence = Resampled(
        images=len(counts["fp32"].labelled),
        fp32=_recompute(name, counts["fp32"], void),
        int8=_recompute(name, counts["int8"], void),
    )
    return MetricPair(METRICS[name], values["fp32"], values["int8"], evidence)


def _recompute(name: str, counts: PixelCounts, void: Void) -> Recompute:
    def recompute(multiplicities: NDArray[np.int64]) -> NDArray[np.float64]:
        return scores(counts, multiplicities, void).values[name]

    return recompute


def _accuracy(counts: PixelCounts) -> NDArray[np.float64]:
    """Share of the pixels of each image that are right, in percent with two digits; 0 for one that is all void."""
    labelled = counts.labelled.sum(axis=1)
    accuracy: NDArray[np.float64] = np.round(100 * counts.intersection.sum(axis=1) / np.maximum(labelled, 1), 2)
    return accuracy


def _flips(fp32: Sequence[SegmentationPrediction], int8: Sequence[SegmentationPrediction]) -> Flips:
    lost = gained = same = points = 0.0
    for one, other in zip(fp32, int8, strict=True):
        weight = one.pixels / len(one.answers)
        lost += weight * np.count_nonzero(one.right & ~other.right)
        gained += weight * np.count_nonzero(other.right & ~one.right)
        same += weight * np.count_nonzero(one.answers == other.answers)
        points += one.pixels
    return Flips(round(lost), round(gained), 100 * same / points)


def _details(
    counts: Mapping[str, PixelCounts],
    void: Void,
    names: Sequence[str] | None,
    predictions: Sequence[SegmentationPrediction],
) -> dict[str, object]:
    """IoU and accuracy of each class that is in the truth or predicted, on both sides."""
    classes = counts["fp32"].labelled.shape[1]
    called = [_called(names, index) for index in range(classes)]
    found = {side: scores(one, void=void) for side, one in counts.items()}
    return {
        "pixels": sum(one.pixels for one in predictions),
        "labelled_pixels": int(counts["fp32"].labelled.sum()),
        "compared_pixels": sum(len(one.answers) for one in predictions),
        "iou_per_class": {
            name: {side: _json(one.iou[0, index]) for side, one in found.items()} for index, name in enumerate(called)
        },
        "accuracy_per_class": {
            name: {side: _json(one.accuracy[0, index]) for side, one in found.items()}
            for index, name in enumerate(called)
        },
    }


def _json(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 9)
