"""Intervals and sequential decisions of a measured metric pair, in the metric's own unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_quant.evidence.bootstrap import bootstrap_drop_interval, bootstrap_interval, bootstrap_score_interval
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.paired import paired_drop_interval
from pytest_quant.evidence.proportion import accuracy_interval
from pytest_quant.evidence.sequential import Outcomes, confidence_sequence, drop_outcomes
from pytest_quant.judging.sample_scores import scores_drop_interval, scores_value_interval
from pytest_quant.spec.net import Side
from pytest_quant.tasks.base import MetricPair, Resampled, RightWrong, SampleScores


def drop_interval(
    pair: MetricPair,
    *,
    population: int | None,
    confidence: float,
    retain: float = 1.0,
    sequential: bool = False,
    at_look: bool = False,
) -> Interval:
    """Interval of ``retain * fp32 - int8`` in the metric's own unit; of ``int8 - retain * fp32`` where lower is better.

    ``retain=1`` is the drop. ``population`` is the size of the dataset of which the evaluated samples are a random
    subset; None gives the interval for new samples like these. Each bound holds with one-sided ``confidence``.
    ``sequential``: the number of samples may have depended on the outcomes, so only a confidence sequence is valid.
    ``at_look``: it is one of the planned looks, and ``confidence`` that of its bounds; for a bootstrap of what
    has bounds.
    """
    evidence, metric = pair.evidence, pair.metric
    if isinstance(evidence, SampleScores):
        return scores_drop_interval(evidence, metric, population=population, confidence=confidence, retain=retain)
    if isinstance(evidence, Resampled):
        found = _resampled_drop(evidence, pair, population, confidence, retain, at_look=at_look)
    else:
        fp32, int8 = counted(pair)
        if sequential and population is not None:
            outcomes = Outcomes.of_drop(population, retain)
            found = confidence_sequence(drop_outcomes(fp32, int8, retain), outcomes, confidence=confidence)
        else:
            found = paired_drop_interval(fp32, int8, population=population, confidence=confidence, retain=retain)
        found = _scaled(found, metric.range)
    return found if metric.higher_is_better else found.negated


def _resampled_drop(
    evidence: Resampled,
    pair: MetricPair,
    population: int | None,
    confidence: float,
    retain: float,
    *,
    at_look: bool,
) -> Interval:
    """Of ``retain * fp32 - int8``, whichever way is better."""
    if pair.metric.maximum is not None:
        return bootstrap_drop_interval(
            evidence.fp32,
            evidence.int8,
            images=evidence.images,
            population=population,
            confidence=confidence,
            retain=retain,
            maximum=pair.metric.maximum,
            at_look=at_look,
        )
    return bootstrap_interval(
        lambda counts: retain * evidence.fp32(counts) - evidence.int8(counts),
        scale=max(abs(pair.fp32), abs(pair.int8)),
        images=evidence.images,
        population=population,
        confidence=confidence,
    )


def score_interval(
    pair: MetricPair,
    side: Side,
    *,
    population: int | None,
    confidence: float,
    sequential: bool = False,
    at_look: bool = False,
) -> Interval:
    """Interval of one side's own value, in the metric's own unit; the arguments are those of `drop_interval`."""
    evidence, metric = pair.evidence, pair.metric
    if isinstance(evidence, SampleScores):
        return scores_value_interval(evidence, metric, side, population=population, confidence=confidence)
    if isinstance(evidence, Resampled):
        return _resampled_score(evidence, pair, side, population, confidence, at_look=at_look)
    fp32, int8 = counted(pair)
    hits = fp32 if side == "fp32" else int8
    if sequential and population is not None:
        found = confidence_sequence(hits.astype(float), Outcomes.of_score(population), confidence=confidence)
    else:
        found = accuracy_interval(hits, population=population, confidence=confidence)
    return _scaled(found, metric.range)


def _resampled_score(
    evidence: Resampled, pair: MetricPair, side: Side, population: int | None, confidence: float, *, at_look: bool
) -> Interval:
    recompute, value = (evidence.fp32, pair.fp32) if side == "fp32" else (evidence.int8, pair.int8)
    if pair.metric.maximum is not None:
        return bootstrap_score_interval(
            recompute,
            images=evidence.images,
            population=population,
            confidence=confidence,
            maximum=pair.metric.maximum,
            at_look=at_look,
        )
    return bootstrap_interval(
        recompute, scale=abs(value), images=evidence.images, population=population, confidence=confidence
    )


def units(pair: MetricPair, evaluated: int) -> int:
    """How many units of evidence there are: samples, or images where one image holds several samples."""
    return pair.evidence.images if isinstance(pair.evidence, Resampled) else evaluated


def sample_scores(pair: MetricPair) -> SampleScores:
    """The per-sample scores of a metric that is a mean of them; raises `TypeError` for another."""
    if not isinstance(pair.evidence, SampleScores):
        raise TypeError(f"{pair.metric.name} is not a mean of one score per sample")
    return pair.evidence


def counted(pair: MetricPair) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of fp32 and of int8, which samples the metric counts: the right ones, or the wrong ones where lower is better."""
    found = right_wrong(pair)
    return (found.fp32, found.int8) if pair.metric.higher_is_better else (~found.fp32, ~found.int8)


def right_wrong(pair: MetricPair) -> RightWrong:
    """The per-sample outcomes of a metric that is a mean of hits; raises `TypeError` for another."""
    if not isinstance(pair.evidence, RightWrong):
        raise TypeError(f"{pair.metric.name} is not a mean of right and wrong samples")
    return pair.evidence


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(factor * interval.low, factor * interval.high, interval.level, interval.method)
