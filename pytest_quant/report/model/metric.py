"""One metric of two nets on the same samples."""

from __future__ import annotations

from pytest_quant.report.model.base import Entry
from pytest_quant.spec.metric import Metric


class MeasuredMetric(Entry):
    """fp32 and another net, int8 as a rule; every number in the metric's own unit."""

    unit: str
    """``%`` from 0 to 100, ``fraction`` from 0 to 1, or what the numbers are in, such as ``px``."""
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
    """The largest possible value; absent: 100 for the unit ``%``, 1 for ``fraction``, none for any other."""

    def metric(self, name: str) -> Metric:
        """What the numbers mean; its `maximum` is that of the unit where the unit has one."""
        return Metric(name, self.unit, self.higher_is_better, maximum=self.maximum)


class MetricEntry(MeasuredMetric):
    """One metric of a model."""

    published: dict[str, float]
    """Net to what somebody published for it."""
