"""One metric of two nets on the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import JsonValue, SerializerFunctionWrapHandler, model_serializer, model_validator

from pytest_quant.report.model.base import Entry
from pytest_quant.spec.metric import Metric

_USUAL_MAXIMUM = {"%": 100.0, "fraction": 1.0}


class MeasuredMetric(Entry):
    """fp32 and another net, int8 as a rule; every number in the metric's own unit."""

    unit: Literal["%", "fraction"]
    higher_is_better: bool
    fp32: float
    int8: float
    drop: float
    """How much worse int8 is."""
    ci: tuple[float, float] | None
    """The bounds of the drop, each one-sided; null where no limit of the run names the metric."""
    ci_level: float
    """Two-sided level of ``ci``, such as 0.90."""
    method: str
    """How the interval was computed."""
    maximum: float | None = None
    """The best possible value, null for none; absent: 100 for ``%``, 1 for ``fraction``."""

    def metric(self, name: str) -> Metric:
        """What the numbers mean."""
        return Metric(name, self.unit, self.higher_is_better)

    @model_validator(mode="before")
    @classmethod
    def _with_usual_maximum(cls, raw: object) -> object:
        if isinstance(raw, Mapping) and "maximum" not in raw and raw.get("unit") in _USUAL_MAXIMUM:
            return {**raw, "maximum": _USUAL_MAXIMUM[raw["unit"]]}
        return raw

    @model_serializer(mode="wrap")
    def _without_usual_maximum(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        content: dict[str, JsonValue] = handler(self)
        content.pop("maximum", None)
        return content if self.maximum == _USUAL_MAXIMUM.get(self.unit) else content | {"maximum": self.maximum}


class MetricEntry(MeasuredMetric):
    """One metric of a model."""

    published: dict[str, float]
    """Net to what somebody published for it."""
