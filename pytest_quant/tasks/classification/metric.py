"""Top-k accuracy, and the comparison of both sides by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.spec.errors import DatasetError, RunnerError
from pytest_quant.spec.metric import Metric
from pytest_quant.tasks.base import ClassScore, Comparison, Flips, MetricPair, RightWrong
from pytest_quant.tasks.classification.options import AccuracyOptions
from pytest_quant.tasks.classification.prediction import ClassPrediction, ranking

DEPTHS = {"top1": 1, "top5": 5}
"""Metric name to k."""

METRICS: Mapping[str, Metric] = {name: Metric(name, "%", is_mean_of_hits=True, has_classes=True) for name in DEPTHS}


def top_k_hits(scores: ArrayLike, labels: ArrayLike, k: int, threshold: float | None = None) -> NDArray[np.bool_]:
    """Whether each label is among the k highest scores; equal scores count by rising class index.

    Accuracy in percent is ``100 * top_k_hits(...).mean()``. With ``threshold`` this is mmpretrain's ``Accuracy``
    (``thrs``), whose default there is 0; mmpretrain itself leaves the order of equal scores to the runtime.

    Args:
        scores: Shape (n, classes), probabilities or logits.
        labels: Integers of shape (n,), from 0 to classes - 1.
        k: How many of the highest scores count, from 1 to the number of classes.
        threshold: A hit must have a score above it; None: no such condition.

    Returns:
        bool, shape (n,).

    Raises:
        ValueError: Shapes do not match, k is larger than the number of classes, or a label is not a class.

    >>> top_k_hits([[0.7, 0.0, 0.3], [0.4, 0.5, 0.1]], [0, 2], k=1)
    array([ True, False])

    """
    matrix, targets = np.asarray(scores), np.asarray(labels)
    if matrix.dtype.kind != "f":
        matrix = matrix.astype(np.float64)
    if matrix.ndim != 2 or targets.shape != matrix.shape[:1]:
        raise ValueError(f"scores of shape {matrix.shape} and labels of shape {targets.shape} must be (n, c) and (n,)")
    if not 1 <= k <= matrix.shape[1]:
        raise ValueError(f"k is {k}; expected 1 to {matrix.shape[1]}, the number of classes")
    if targets.dtype.kind not in "iu" or ((targets < 0) | (targets >= matrix.shape[1])).any():
        raise ValueError(f"labels must be integers from 0 to {matrix.shape[1] - 1}")
    top = ranking(matrix)[:, :k]
    return _hits(top, np.take_along_axis(matrix, top, axis=1), targets, threshold)


def compare_sides(
    samples: Sequence[Sample],
    fp32: Sequence[ClassPrediction],
    int8: Sequence[ClassPrediction],
    options: Mapping[str, AccuracyOptions],
) -> Comparison:
    """Score both sides, with predictions in the order of the samples; a net with fewer than 5 classes has no top-5.

    Raises:
        DatasetError: A label is not a class of the net.
        RunnerError: The two nets have different numbers of classes.

    """
    count = _class_count(samples, fp32, int8)
    labels = np.array([check_label(sample, count) for sample in samples], np.int64)
    names = [name for name, k in DEPTHS.items() if k <= count]
    absent = {
        name: f"{name} takes a net with at least {k} classes, this one has {count}: take it out of the model's limits"
        for name, k in DEPTHS.items()
        if k > count
    }
    sides = {"fp32": _columns(fp32), "int8": _columns(int8)}
    evidence = {name: _evidence(sides, labels, DEPTHS[name], options[name].threshold) for name in names}
    pairs = {name: _pair(name, hits) for name, hits in evidence.items()}
    same = sides["fp32"][0][:, 0] == sides["int8"][0][:, 0]
    classes = partial(_class_scores, labels, evidence)
    return Comparison(pairs, _flips(evidence["top1"], same), absent, class_scores=classes)


def _class_scores(labels: NDArray[np.int64], evidence: Mapping[str, RightWrong], name: str) -> list[ClassScore]:
    """The classes of the samples by their number; the samples of each stay in their order."""
    if name not in evidence:
        return []
    hits, order = evidence[name], np.argsort(labels, kind="stable")
    classes, starts = np.unique(labels[order], return_index=True)
    found = zip(classes.tolist(), np.split(order, starts[1:]), strict=True)
    return [
        ClassScore(str(label), len(rows), _pair(name, RightWrong(hits.fp32[rows], hits.int8[rows])))
        for label, rows in found
    ]


def check_label(sample: Sample, class_count: int) -> int:
    """The class of a sample; raises `DatasetError` when the net has no such class."""
    label = sample.truth
    if not isinstance(label, int) or not 0 <= label < class_count:
        raise DatasetError(
            f"sample {sample.id!r} has label {label!r}, but the net has {class_count} classes, 0 to {class_count - 1}: "
            "do the labels belong to this model?"
        )
    return label


Columns = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Classes and scores of one side's predictions, both of shape (n, k)."""


def _columns(predictions: Sequence[ClassPrediction]) -> Columns:
    classes = np.array([prediction.classes for prediction in predictions], np.int64)
    return classes, np.array([prediction.scores for prediction in predictions], np.float32)


def _class_count(samples: Sequence[Sample], fp32: Sequence[ClassPrediction], int8: Sequence[ClassPrediction]) -> int:
    if not len(samples) == len(fp32) == len(int8) or not samples:
        raise ValueError(f"{len(samples)} samples, {len(fp32)} fp32 and {len(int8)} int8 predictions: expected as many")
    counts = {prediction.class_count for prediction in (*fp32, *int8)}
    if len(counts) > 1:
        raise RunnerError(
            f"the nets gave predictions over {' and '.join(map(str, sorted(counts)))} classes; expected one number of "
            "classes: are the fp32 and int8 files of the same model?"
        )
    return counts.pop()


def _hits(
    classes: NDArray[np.integer], scores: NDArray[np.floating], labels: NDArray[np.integer], threshold: float | None
) -> NDArray[np.bool_]:
    """Whether each label is among its row of ``classes``, with a score above ``threshold``; all rows of one length."""
    found = classes == labels[:, np.newaxis]
    if threshold is not None:
        found &= scores > threshold
    hits: NDArray[np.bool_] = found.any(axis=1)
    return hits


def _evidence(sides: Mapping[str, Columns], labels: NDArray[np.integer], k: int, threshold: float | None) -> RightWrong:
    hits = {side: _hits(classes[:, :k], scores[:, :k], labels, threshold) for side, (classes, scores) in sides.items()}
    return RightWrong(fp32=hits["fp32"], int8=hits["int8"])


def _pair(name: str, hits: RightWrong) -> MetricPair:
    return MetricPair(METRICS[name], _percent(hits.fp32), _percent(hits.int8), hits)


def _percent(hits: NDArray[np.bool_]) -> float:
    return 100 * int(np.count_nonzero(hits)) / hits.size


def _flips(top1: RightWrong, same_class: NDArray[np.bool_]) -> Flips:
    return Flips(
        only_fp32_right=int(np.count_nonzero(top1.fp32 & ~top1.int8)),
        only_int8_right=int(np.count_nonzero(top1.int8 & ~top1.fp32)),
        agreement_pct=_percent(same_class),
    )
