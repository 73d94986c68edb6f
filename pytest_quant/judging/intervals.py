"""Which interval a measurement supports: about which population, and with a fixed or a watched number of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from pytest_quant.evidence.interval import Interval, two_sided_level
from pytest_quant.judging.evidence import drop_interval, score_interval, units
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.net import Side
from pytest_quant.tasks.base import MetricPair, Resampled

if TYPE_CHECKING:
    from pytest_quant.evaluation.measurement import Measurement


def pair_of(measurement: Measurement, metric: Metric) -> MetricPair:
    """The measured values of a metric; raises `ConfigError` when the nets do not have it."""
    comparison = measurement.comparison
    if metric.name not in comparison.metrics:
        raise ConfigError(comparison.absent.get(metric.name, f"{metric.name} was not measured"))
    return comparison.metrics[metric.name]


def population_of(measurement: Measurement, pair: MetricPair) -> int | None:
    """The dataset where a subset was drawn from it, else None: new samples like these.

    In units of evidence: where images are resampled, the images that the dataset holds at the subset's rate.
    """
    if measurement.is_whole:
        return None
    found = units(pair, measurement.evaluated)
    return max(found, round(found * measurement.total / measurement.evaluated))


def measured_drop(measurement: Measurement, pair: MetricPair, confidence: float, retain: float = 1.0) -> Interval:
    """Interval of the drop, or of a contrast, as `drop_interval` has it; each bound at one-sided ``confidence``."""
    return remembered(
        measurement,
        (pair.metric.name, "drop", confidence, retain),
        lambda: _at_look(
            measurement,
            pair,
            confidence,
            lambda own, at_look: drop_interval(
                pair,
                population=population_of(measurement, pair),
                confidence=own,
                retain=retain,
                sequential=measurement.sequential,
                at_look=at_look,
            ),
        ),
    )


def measured_score(measurement: Measurement, pair: MetricPair, side: Side, confidence: float) -> Interval:
    """Interval of one side's own value in the metric's own unit."""
    return remembered(
        measurement,
        (pair.metric.name, side, confidence),
        lambda: _at_look(
            measurement,
            pair,
            confidence,
            lambda own, at_look: score_interval(
                pair,
                side,
                population=population_of(measurement, pair),
                confidence=own,
                sequential=measurement.sequential,
                at_look=at_look,
            ),
        ),
    )


def _at_look(
    measurement: Measurement, pair: MetricPair, confidence: float, interval: Callable[[float, bool], Interval]
) -> Interval:
    """``interval`` at a confidence; at a planned look the one that its bounds take for all looks to have it together.

    What is anytime-valid needs no plan; of what has no bounds there are no looks.
    """
    look = measurement.look
    if look is None or measurement.is_whole or not takes_looks(pair):
        return interval(confidence, False)
    found = interval(look.confidence(confidence), True)
    method = f"{found.method}; repeated at look {look.number} of {look.count}, alpha spending"
    return Interval(found.low, found.high, two_sided_level(confidence), method)


def takes_looks(pair: MetricPair) -> bool:
    """Whether its bounds are planned for looks: those of a bootstrap, of a metric that itself has bounds."""
    return isinstance(pair.evidence, Resampled) and pair.metric.maximum is not None


def remembered(measurement: Measurement, key: tuple[str | float, ...], interval: Callable[[], Interval]) -> Interval:
    """The interval of a measurement that ``key`` names, found when first asked for."""
    if key not in measurement.intervals:
        measurement.intervals[key] = _kept(measurement, key, interval)
    return measurement.intervals[key]


def _kept(measurement: Measurement, key: tuple[str | float, ...], interval: Callable[[], Interval]) -> Interval:
    """The interval as an earlier run found it, else found now."""
    if measurement.scores is None:
        return interval()
    totals: JsonValue = dict(measurement.class_totals)
    look = measurement.look
    plan: list[JsonValue] = [] if look is None else [list(look.plan.sizes), look.number]
    place = measurement.scores.under("interval", list(key), measurement.total, measurement.sequential, totals, *plan)
    written: Any = place.fetch(lambda: asdict(interval()))
    return Interval(**written)
