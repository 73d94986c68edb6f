"""What the selected tests are to decide, known before the first of them runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net


class Expectations:
    """By model: the metrics that limits name, and the nets that they need."""

    def __init__(self) -> None:
        self._metrics: dict[str, set[str]] = {}
        self._nets: dict[str, set[Net]] = {}
        self._kinds: dict[str, set[str]] = {}

    def add(self, model: ModelSpec, limits: Sequence[Limit]) -> None:
        """Note that a selected test decides these limits."""
        named = (limit.metric.name for limit in limits if limit.metric is not None)
        self._metrics.setdefault(model.name, set()).update(named)
        self._nets.setdefault(model.name, set()).update(limit.net for limit in limits if limit.needs_dataset)
        self._kinds.setdefault(model.name, set()).update(limit.kind for limit in limits)

    def metrics(self, model: ModelSpec) -> Collection[str]:
        """The metrics of the model that a limit names: those have intervals in the report."""
        return self._metrics.get(model.name, ())

    def needs(self, model: ModelSpec, net: Net) -> bool:
        """Whether the run measures that net of the model anyway."""
        return net in self._nets.get(model.name, ())

    def decides(self, model: ModelSpec, kind: str) -> bool:
        """Whether the run decides a limit of that kind of the model."""
        return kind in self._kinds.get(model.name, ())
