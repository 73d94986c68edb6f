"""What is legitimate and probably not meant: warnings beside a verdict, some of them errors in a strict run."""

from __future__ import annotations

from pytest_quant.evaluation.measure import Measurement
from pytest_quant.spec.errors import CalibrationOverlapError
from pytest_quant.spec.limit import Limit, Tolerance
from pytest_quant.spec.text import first_few
from pytest_quant.tasks.base import RightWrong

_TOO_GOOD = 0.05
"""Share of a metric's range by which quantization makes no net better."""


def refuse_overlap(measurement: Measurement) -> None:
    """Raise `CalibrationOverlapError` when the int8 net was calibrated with images that it is evaluated on."""
    overlap = _overlap(measurement)
    if overlap is not None:
        raise CalibrationOverlapError(
            f"--quant-strict: {measurement.model.name}: {overlap}; calibrate with other images, such as some of the "
            "training images"
        )


def _overlap(measurement: Measurement) -> str | None:
    facts = measurement.calibration
    if facts is None or not facts.also_evaluated:
        return None
    return (
        f"{len(facts.also_evaluated)} of {facts.images} calibration images are evaluation samples as well "
        f"({first_few(facts.also_evaluated)}), so int8 is measured on what it was tuned to"
    )


def remarks(limit: Limit, measurement: Measurement) -> list[str]:
    """Warnings: one sample decides, the int8 net has seen the samples, a score that cannot be."""
    overlap = _overlap(measurement) if limit.kind == "tolerance" else None
    found = (
        _too_tight(limit, measurement),
        overlap,
        _too_good(limit, measurement),
        _nothing(limit, measurement),
    )
    return [text for text in found if text is not None]


def _too_good(limit: Limit, measurement: Measurement) -> str | None:
    """An int8 net that is much better than fp32 passes, but it is fp32 that is wrong then."""
    pair = measurement.comparison.metrics.get(limit.metric or "")
    if limit.kind != "tolerance" or pair is None or pair.drop > -_TOO_GOOD * pair.metric.range:
        return None
    return (
        f"int8 is better than fp32 by {pair.metric.difference(-pair.drop)} of {pair.metric.name}: "
        f"look at the fp32 net before you believe either"
    )


def _nothing(limit: Limit, measurement: Measurement) -> str | None:
    """Nothing can drop from zero."""
    pair = measurement.comparison.metrics.get(limit.metric or "")
    if limit.kind != "tolerance" or pair is None or pair.fp32 > 0:
        return None
    return (
        f"fp32 scores {pair.metric.number(0.0)} in {pair.metric.name}, so no drop is possible and the limit tests "
        "nothing: are ground truth, preprocessing and decoder those of this model?"
    )


def _too_tight(limit: Limit, measurement: Measurement) -> str | None:
    rule = limit.rule
    if not isinstance(rule, Tolerance) or rule.amount == 0:
        return None
    pair = measurement.comparison.metrics.get(rule.metric)
    if pair is None or not isinstance(pair.evidence, RightWrong):
        return None
    metric = pair.metric
    amount = rule.amount * metric.range if rule.relative else rule.amount
    one_sample = metric.range / measurement.evaluated
    if amount >= one_sample:
        return None
    return (
        f"the tolerance {rule.amount:g} of {rule.metric} is smaller than one sample of {measurement.evaluated} "
        f"({metric.difference(one_sample)}): it allows no drop at all"
    )
