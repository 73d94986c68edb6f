"""``quant_scores``: a model's numbers for tests in Python, measured when the first of them is read."""

from __future__ import annotations

from collections.abc import Callable

from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evidence.interval import Interval
from pytest_quant.judging.intervals import measured_drop
from pytest_quant.spec.text import listed
from pytest_quant.tasks.base import Flips, MetricPair


class MetricValues:
    """One value per metric, as attributes: ``scores.int8.top1``."""

    def __init__(self, measure: Callable[[], Measurement], value: Callable[[MetricPair], float | Interval]) -> None:
        self._measure = measure
        self._value = value

    def __repr__(self) -> str:
        values = {name: self._value(pair) for name, pair in self._measure().comparison.metrics.items()}
        return f"<{', '.join(f'{name} {value}' for name, value in values.items())}>"

    def __getattr__(self, name: str) -> float | Interval:
        metrics = self._measure().comparison.metrics
        if name not in metrics:
            raise AttributeError(f"no metric {name!r} was measured; measured: {listed(metrics)}")
        return self._value(metrics[name])


class Scores:
    """Both sides of one model on the same samples; each value in its metric's own unit."""

    def __init__(self, measure: Callable[[], Measurement], confidence: float) -> None:
        self._measure = measure
        self._confidence = confidence

    @property
    def fp32(self) -> MetricValues:
        """Values of the fp32 net."""
        return MetricValues(self._measure, lambda pair: pair.fp32)

    @property
    def int8(self) -> MetricValues:
        """Values of the int8 net."""
        return MetricValues(self._measure, lambda pair: pair.int8)

    @property
    def drop(self) -> MetricValues:
        """fp32 - int8: positive when int8 is worse."""
        return MetricValues(self._measure, lambda pair: pair.drop)

    @property
    def ci(self) -> MetricValues:
        """The interval of the drop, with ``low`` and ``high``: for the whole dataset where a subset was evaluated."""
        measurement = self._measure()
        return MetricValues(self._measure, lambda pair: measured_drop(measurement, pair, self._confidence))

    @property
    def flips(self) -> Flips:
        """How single samples changed sides."""
        return self._measure().comparison.flips
