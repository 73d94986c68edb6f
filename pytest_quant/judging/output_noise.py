"""The floor of ``sqnr_db``: how much noise the raw outputs of a net may have, fp32's being the signal."""

from __future__ import annotations

import math

from pytest_quant.evaluation.agreement import OutputAgreement
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evidence.bootstrap import bootstrap_interval
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.likeness import sqnr_note
from pytest_quant.judging.intervals import remembered
from pytest_quant.judging.wording import sign, undecided
from pytest_quant.spec.metric import SQNR_DB
from pytest_quant.spec.verdict import Decision, Verdict

_SLACK_DB = 1e-9


def judge_outputs(found: OutputAgreement, measurement: Measurement, least_db: float, confidence: float) -> Verdict:
    """Hold the worst output against the floor; on a subset by the bounds of its ratio on the whole dataset."""
    blob, value = found.worst
    interval = None if measurement.is_whole or not math.isfinite(value) else _bounds(found, measurement, confidence)
    decision = _decision(value, interval, measurement, least_db)
    number, ci, rest = SQNR_DB.number, "", ""
    if interval is not None:
        ci = f"{100 * interval.level:.4g}% CI {number(interval.low)} to {number(interval.high)}, "
        rest = undecided(decision, measurement, least_db - value, interval.minus(least_db).negated, confidence)
    worst = f"the worst of {len(found.sqnr_db)} raw outputs" if len(found.sqnr_db) > 1 else "the raw output"
    reason = (
        f"{measurement.net} sqnr_db = {sqnr_note(value) or f'{number(value)} dB'} ({ci}n = {measurement.evaluated} of "
        f"{measurement.total}) {sign(decision, '>=', '<')} {number(least_db)}, {worst}: {blob}{rest}"
    )
    return Verdict(decision, reason, value=value if math.isfinite(value) else None, limit=least_db)


def _bounds(found: OutputAgreement, measurement: Measurement, confidence: float) -> Interval:
    value = found.worst[1]
    return remembered(
        measurement,
        (SQNR_DB.name, measurement.net, confidence),
        lambda: bootstrap_interval(
            found.worst_of,
            scale=abs(value),
            images=measurement.evaluated,
            population=measurement.total,
            confidence=confidence,
        ),
    )


def _decision(value: float, interval: Interval | None, measurement: Measurement, least_db: float) -> Decision:
    """Values that are not finite, and noise without a signal, keep no floor; identical outputs keep every one."""
    if interval is None:
        if value == math.inf and not measurement.is_whole:
            return "inconclusive"
        return "pass" if value >= least_db - _SLACK_DB else "fail"
    if interval.low >= least_db - _SLACK_DB:
        return "pass"
    return "fail" if interval.high < least_db - _SLACK_DB else "inconclusive"
