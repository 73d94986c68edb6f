"""Intervals and sequential decisions of a measured metric pair, in the metric's own unit."""

from __future__ import annotations

from pytest_quant.evidence.bootstrap import bootstrap_drop_interval, bootstrap_score_interval
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.paired import paired_drop_interval
from pytest_quant.evidence.proportion import accuracy_interval
from pytest_quant.evidence.sequential import Outcomes, SequentialTest, confidence_sequence, drop_outcomes
from pytest_quant.judging.sample_scores import scores_drop_interval, scores_value_interval
from pytest_quant.spec.limit import Floor, Tolerance
from pytest_quant.spec.net import Side
from pytest_quant.tasks.base import MetricPair, Resampled, RightWrong, SampleScores


def drop_interval(
    pair: MetricPair, *, population: int | None, confidence: float, retain: float = 1.0, sequential: bool = False
) -> Interval:
    """Interval of ``retain * fp32 - int8`` in the metric's own unit; ``retain=1`` is the drop.

    ``population`` is the size of the dataset of which the evaluated samples are a random subset; None gives the
    interval for new samples like these. Each bound holds with one-sided ``confidence``. ``sequential``: the number of
    samples may have depended on the outcomes, so only a confidence sequence is valid.
    """
    evidence = pair.evidence
    if isinstance(evidence, SampleScores):
        return scores_drop_interval(evidence, pair.metric, population=population, confidence=confidence, retain=retain)
    maximum = pair.metric.range
    if isinstance(evidence, Resampled):
        return bootstrap_drop_interval(
            evidence.fp32,
            evidence.int8,
            images=evidence.images,
            population=population,
            confidence=confidence,
            retain=retain,
            maximum=maximum,
        )
    if sequential and population is not None:
        values = drop_outcomes(evidence.fp32, evidence.int8, retain)
        found = confidence_sequence(values, Outcomes.of_drop(population, retain), confidence=confidence)
    else:
        found = paired_drop_interval(
            evidence.fp32, evidence.int8, population=population, confidence=confidence, retain=retain
        )
    return _scaled(found, maximum)


def score_interval(
    pair: MetricPair, side: Side, *, population: int | None, confidence: float, sequential: bool = False
) -> Interval:
    """Interval of one side's own value, in the metric's own unit; the arguments are those of `drop_interval`."""
    evidence = pair.evidence
    if isinstance(evidence, SampleScores):
        return scores_value_interval(evidence, pair.metric, side, population=population, confidence=confidence)
    maximum = pair.metric.range
    if isinstance(evidence, Resampled):
        recompute = evidence.fp32 if side == "fp32" else evidence.int8
        return bootstrap_score_interval(
            recompute, images=evidence.images, population=population, confidence=confidence, maximum=maximum
        )
    right = evidence.fp32 if side == "fp32" else evidence.int8
    if sequential and population is not None:
        found = confidence_sequence(right.astype(float), Outcomes.of_score(population), confidence=confidence)
    else:
        found = accuracy_interval(right, population=population, confidence=confidence)
    return _scaled(found, maximum)


def units(pair: MetricPair, evaluated: int) -> int:
    """How many units of evidence there are: samples, or images where one image holds several samples."""
    return pair.evidence.images if isinstance(pair.evidence, Resampled) else evaluated


class LimitTest:
    """The sequential test of one tolerance or floor, of whether it is kept on the whole dataset.

    A tolerance is about the mean of ``retain * fp32 - int8``, a floor about the share of samples that int8 has wrong.
    """

    def __init__(self, rule: Tolerance | Floor, *, maximum: float, population: int, confidence: float) -> None:
        self._rule = rule
        self._retain = 1.0
        if isinstance(rule, Floor):
            outcomes, limit = Outcomes.of_score(population), 1.0 - rule.value / maximum
        else:
            self._retain = 1.0 - rule.amount if rule.relative else 1.0
            outcomes = Outcomes.of_drop(population, self._retain)
            limit = 0.0 if rule.relative else rule.amount / maximum
        self._test = SequentialTest(outcomes, limit=limit, confidence=confidence)

    def update(self, pair: MetricPair) -> None:
        """Take the next samples, in the seeded order."""
        evidence = right_wrong(pair)
        if isinstance(self._rule, Floor):
            self._test.update((~evidence.int8).astype(float))
        else:
            self._test.update(drop_outcomes(evidence.fp32, evidence.int8, self._retain))

    @property
    def kept(self) -> bool | None:
        """Whether the limit is kept; None while undecided."""
        return None if self._test.decision == "undecided" else self._test.decision == "within"

    @property
    def decided_at(self) -> int | None:
        """How many samples the decision took."""
        return self._test.decided_at


def right_wrong(pair: MetricPair) -> RightWrong:
    """The per-sample outcomes of a metric that is a mean of hits; raises `TypeError` for another."""
    if not isinstance(pair.evidence, RightWrong):
        raise TypeError(f"{pair.metric.name} is not a mean of right and wrong samples")
    return pair.evidence


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(factor * interval.low, factor * interval.high, interval.level, interval.method)
