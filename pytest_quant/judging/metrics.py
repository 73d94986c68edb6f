"""Verdicts about what was measured: tolerances, floors, published values, parity, the baseline, conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_quant.evaluation.agreement import OutputAgreement
from pytest_quant.evaluation.measure import Measurement
from pytest_quant.evidence.interval import Interval
from pytest_quant.evidence.likeness import sqnr_note
from pytest_quant.evidence.planning import samples_to_settle
from pytest_quant.judging.baseline import ACCEPT, Baseline
from pytest_quant.judging.evidence import LimitTest, drop_interval
from pytest_quant.judging.intervals import measured_drop, measured_score, population_of
from pytest_quant.spec.errors import BaselineMissingError, ConfigError
from pytest_quant.spec.limit import Floor, Limit, NoWorse, Parity, Published, Requirement, Tolerance, Untold
from pytest_quant.spec.metric import METRICS, Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import shown
from pytest_quant.spec.verdict import Decision, Verdict
from pytest_quant.tasks.base import Comparison, MetricPair, RightWrong

_SLACK = 1e-9
"""In the metric's unit: a bound that is a whole number of samples must not miss a limit by a rounding error."""

_STRANGERS_DB = 3.0
"""Outputs with less in common are not one model's, converted with some loss."""

_ROUNDING = 1e-9
"""Slack, in samples, for a limit that a multiplication made: a relative tolerance."""


def judge(limit: Limit, measurement: Measurement, confidence: float) -> Verdict:
    """Decide a limit on a metric; ``confidence`` is one-sided and matters where a subset was evaluated.

    Raises `ConfigError` when the nets do not have the metric.
    """
    rule = limit.rule
    if isinstance(rule, Tolerance):
        pair = _pair(measurement, rule.metric)
        decide = _relative_tolerance if rule.relative else _tolerance
        return decide(rule, pair, measurement, confidence)
    if isinstance(rule, Floor):
        return _floor(rule, _pair(measurement, rule.metric), measurement, confidence)
    if isinstance(rule, Published):
        return _published(rule, _pair(measurement, rule.metric), measurement, confidence)
    raise TypeError(f"{limit.name} is not a limit on a metric")


def _pair(measurement: Measurement, metric: str) -> MetricPair:
    comparison = measurement.comparison
    if metric not in comparison.metrics:
        raise ConfigError(comparison.absent.get(metric, f"{metric} was not measured"))
    return comparison.metrics[metric]


class EarlyStop:
    """Says when the tolerances and floors of a model are all decided, sample by sample in the seeded order."""

    def __init__(self, rules: Iterable[Tolerance | Floor], total: int, confidence: float) -> None:
        """``rules`` are about metrics that are means of hits; ``total`` is the size of the dataset."""
        self._tests = {
            rule: LimitTest(rule, maximum=METRICS[rule.metric].range, population=total, confidence=confidence)
            for rule in rules
        }

    def update(self, comparison: Comparison) -> int | None:
        """Take the next samples; how many samples all verdicts together took, or None while one is open."""
        for rule, test in self._tests.items():
            pair = comparison.metrics.get(rule.metric)
            if pair is None:  # such as top-5 of a net with three classes: its case says so
                return None
            test.update(pair)
        needed = [test.decided_at for test in self._tests.values()]
        decided = [count for count in needed if count is not None]
        return max(decided) if len(decided) == len(needed) else None


def early_stop(limits: Iterable[Limit], total: int, confidence: float) -> EarlyStop | None:
    """The rule for the limits of a model, or None where it has to be evaluated whole.

    That is a model without a limit that samples one by one could decide, or with one on a metric that is no mean of
    hits (hmean, AP).
    """
    rules = [limit.rule for limit in limits if isinstance(limit.rule, (Tolerance, Floor))]
    if not rules or not all(METRICS[rule.metric].is_mean_of_hits for rule in rules):
        return None
    return EarlyStop(rules, total, confidence)


def _decision(
    rule: Tolerance | Floor,
    measurement: Measurement,
    pair: MetricPair,
    *,
    holds: bool,
    excess: Interval,
    confidence: float,
) -> Decision:
    """``holds`` decides on the whole dataset; on a subset the bounds of ``excess``, which must not exceed 0.

    After a look at the verdicts on the way, only the sequential test decides.
    """
    if measurement.is_whole:
        return "pass" if holds else "fail"
    if measurement.sequential and isinstance(pair.evidence, RightWrong):
        maximum = pair.metric.range
        test = LimitTest(rule, maximum=maximum, population=measurement.total, confidence=confidence)
        test.update(pair)
        kept = test.kept
    else:
        kept = True if excess.high <= _SLACK else (False if excess.low > _SLACK else None)
    if kept is None:
        return "inconclusive"
    return "pass" if kept else "fail"


def _minus(interval: Interval, value: float) -> Interval:
    return Interval(interval.low - value, interval.high - value, interval.level, interval.method)


def _evidence(metric: Metric, interval: Interval, measurement: Measurement) -> str:
    low, high = metric.number(interval.low), metric.number(interval.high)
    return f"({100 * interval.level:.4g}% CI {low} to {high}, n = {measurement.evaluated} of {measurement.total})"


def _sign(decision: Decision, kept: str, broken: str) -> str:
    return {"pass": kept, "fail": broken}.get(decision, "?")


def _undecided(decision: Decision, measurement: Measurement, excess: float, bounds: Interval, confidence: float) -> str:
    """What an inconclusive verdict says: how many samples would settle it, should the measured value stay as it is."""
    if decision != "inconclusive":
        return ""
    evaluated, total = measurement.evaluated, measurement.total
    needed = samples_to_settle(excess, bounds, 0.0, n=evaluated, population=total)
    return (
        f": {evaluated} of {total} samples do not decide it at {100 * confidence:g} % confidence, "
        f"about {needed} would (--quant-samples {needed})"
    )


def _tolerance(rule: Tolerance, pair: MetricPair, measurement: Measurement, confidence: float) -> Verdict:
    metric = pair.metric
    interval = measured_drop(measurement, pair, confidence)
    excess = _minus(interval, rule.amount)
    decision = _decision(rule, measurement, pair, holds=pair.drop <= rule.amount, excess=excess, confidence=confidence)
    reason = (
        f"drop = {metric.number(pair.fp32)} - {metric.number(pair.int8)} = {metric.difference(pair.drop)} "
        f"{_evidence(metric, interval, measurement)} {_sign(decision, '<=', '>')} {metric.number(rule.amount)}"
        f"{_undecided(decision, measurement, pair.drop - rule.amount, excess, confidence)}"
    )
    return Verdict(decision, reason, value=pair.drop, limit=rule.amount)


def _relative_tolerance(rule: Tolerance, pair: MetricPair, measurement: Measurement, confidence: float) -> Verdict:
    """The contrast (1 - r) * fp32 - int8 must not exceed 0."""
    metric, retain = pair.metric, 1 - rule.amount
    interval = measured_drop(measurement, pair, confidence, retain)
    contrast = retain * pair.fp32 - pair.int8
    holds = contrast <= _ROUNDING * metric.range / measurement.evaluated
    decision = _decision(rule, measurement, pair, holds=holds, excess=interval, confidence=confidence)
    allowed = rule.amount * pair.fp32
    reason = (
        f"drop = {metric.number(pair.fp32)} - {metric.number(pair.int8)} = {metric.difference(pair.drop)} "
        f"{_sign(decision, '<=', '>')} {100 * rule.amount:g} % of fp32 = {metric.difference(allowed)}; "
        f"{retain:g} * fp32 - int8 = {metric.number(contrast)} {_evidence(metric, interval, measurement)} "
        f"{_sign(decision, '<=', '>')} 0{_undecided(decision, measurement, contrast, interval, confidence)}"
    )
    return Verdict(decision, reason, value=pair.drop, limit=allowed)


def _floor(rule: Floor, pair: MetricPair, measurement: Measurement, confidence: float) -> Verdict:
    metric = pair.metric
    interval = measured_score(measurement, pair, "int8", confidence)
    shortfall = Interval(rule.value - interval.high, rule.value - interval.low, interval.level, interval.method)
    decision = _decision(
        rule, measurement, pair, holds=pair.int8 >= rule.value, excess=shortfall, confidence=confidence
    )
    undecided = _undecided(decision, measurement, rule.value - pair.int8, shortfall, confidence)
    reason = (
        f"int8 {metric.name} = {metric.number(pair.int8)} {_evidence(metric, interval, measurement)} "
        f"{_sign(decision, '>=', '<')} {metric.number(rule.value)}{undecided}"
    )
    return Verdict(decision, reason, value=pair.int8, limit=rule.value)


def _published(rule: Published, pair: MetricPair, measurement: Measurement, confidence: float) -> Verdict:
    metric = pair.metric
    measured = pair.fp32 if rule.side == "fp32" else pair.int8
    difference = abs(measured - rule.value)
    near = difference <= rule.within + _ROUNDING
    reason = (
        f"{rule.side} {metric.name} = {metric.number(measured)} (n = {measurement.evaluated} of {measurement.total}), "
        f"published {metric.number(rule.value)}{_on_samples(rule)}: they differ by {metric.difference(difference)} "
        f"{'<=' if near else '>'} {metric.number(rule.within)}"
    )
    published_on_subset = rule.samples is not None and rule.samples < measurement.total
    if near or (measurement.is_whole and not published_on_subset):
        return Verdict("pass" if near else "fail", reason, value=measured, limit=rule.value)
    # Both sides count against it, so each bound gets half of the error.
    interval = measured_score(measurement, pair, rule.side, (1 + confidence) / 2)
    inside = rule.value in interval
    span = f"{metric.number(interval.low)} to {metric.number(interval.high)}"
    reason += (
        f"; on a subset, so it is held against the {100 * interval.level:.4g}% CI of the measured value, {span}: "
        f"{'inside' if inside else 'outside'}"
    )
    return Verdict("pass" if inside else "fail", reason, value=measured, limit=rule.value)


def _on_samples(rule: Published) -> str:
    return "" if rule.samples is None else f" on {rule.samples} samples"


def judge_parity(rule: Parity, measurement: Measurement, agreement: OutputAgreement) -> Verdict:
    """Decide whether the ONNX file is the same model as the ncnn fp32 net: by the metric, and by the raw outputs.

    ``measurement`` has the ONNX file in the place of int8. Whatever the samples are, both are on the same ones.
    """
    pair = _pair(measurement, rule.metric)
    metric, difference = pair.metric, abs(pair.drop)
    is_near = difference <= rule.within + _ROUNDING
    blob, sqnr_db = agreement.worst
    is_same = sqnr_db >= rule.least_sqnr_db
    reason = (
        f"onnx {metric.name} = {metric.number(pair.int8)}, ncnn fp32 = {metric.number(pair.fp32)} (n = "
        f"{measurement.evaluated} of {measurement.total}): they differ by {metric.difference(difference)} "
        f"{'<=' if is_near else '>'} {metric.number(rule.within)}; raw outputs on {agreement.samples} samples, "
        f"worst output {blob}: {_decibel(sqnr_db)} {'>=' if is_same else '<'} {rule.least_sqnr_db:g} dB "
        f"({measurement.runtime})"
    )
    if sqnr_db < _STRANGERS_DB:
        reason += "; outputs as far apart as these are those of two models, or of two ways to normalize the input"
    return Verdict("pass" if is_near and is_same else "fail", reason, value=difference, limit=rule.within)


def _decibel(sqnr_db: float) -> str:
    return f"SQNR {sqnr_note(sqnr_db) or f'{sqnr_db:.1f} dB'}"


def judge_baseline(
    rule: NoWorse, measurement: Measurement, baseline: Baseline, since: Comparison | None, confidence: float
) -> Verdict:
    """Decide whether int8 is worse than its baseline on the same samples.

    ``since`` are the baseline's own predictions, in the place of fp32, beside the present ones where they are still
    known: they say which samples changed. Raises `BaselineMissingError` when there is nothing to compare with.
    """
    entry = baseline.entry(measurement.model.name, rule.metric)
    accept = ACCEPT.format(path=shown(baseline.path))
    if entry.samples.sha256 != measurement.samples_sha256:
        raise BaselineMissingError(
            f"{shown(baseline.path)}: {measurement.model.name} was measured on other samples "
            f"({entry.samples.evaluated} of {entry.samples.total}, seed {entry.samples.seed}) than now "
            f"({measurement.evaluated} of {measurement.total}, seed {measurement.seed}); measure it anew with {accept}"
        )
    pair = _pair(measurement, rule.metric)
    metric, before = pair.metric, entry.metrics[rule.metric].int8
    worse = before - pair.int8
    kept = worse <= rule.within + _ROUNDING
    reason = (
        f"baseline - int8 = {metric.number(before)} - {metric.number(pair.int8)} = {metric.difference(worse)} "
        f"(n = {measurement.evaluated} of {measurement.total}, the same samples) {'<=' if kept else '>'} "
        f"{metric.number(rule.within)}"
    )
    if since is not None:
        pair_since = since.metrics[rule.metric]
        population = population_of(measurement, pair_since)
        flips, interval = since.flips, drop_interval(pair_since, population=population, confidence=confidence)
        reason += (
            f"; right only in the baseline {flips.only_fp32_right}, only now {flips.only_int8_right}, "
            f"{100 * interval.level:.4g}% CI {metric.number(interval.low)} to {metric.number(interval.high)}"
        )
    if worse < 0:
        reason += f"; better than the baseline: {accept} accepts it"
    reason += "".join(f"; {difference}" for difference in entry.differences())
    return Verdict("pass" if kept else "fail", reason, value=pair.int8, limit=before)


def judge_requirement(rule: Requirement, conditions: Mapping[str, Any], model: ModelSpec) -> Verdict:
    """Decide a required condition: of the evaluation, and of the model's training config file where it names one.

    Raises `ConfigError` when the config file leaves the condition open.
    """
    found = conditions[rule.condition]
    met = _equal(found, rule.value)
    reason = f"condition {rule.condition}: found {found!r}, required {rule.value!r}"
    if model.config is None or rule.condition not in model.config_conditions:
        return Verdict("pass" if met else "fail", reason)
    trained = model.config_conditions[rule.condition]
    if isinstance(trained, Untold):
        raise ConfigError(f"condition {rule.condition}: {trained.reason}")
    reason += f"; {'' if _equal(trained, rule.value) else 'but '}{shown(model.config)} sets {trained!r}"
    return Verdict("pass" if met and _equal(trained, rule.value) else "fail", reason)


def _equal(found: Any, required: Any) -> bool:
    """In Python True == 1: `samples: true` is not met by one sample."""
    return bool(found == required) and isinstance(found, bool) == isinstance(required, bool)
