"""``tolerance``: how much worse than fp32 int8 may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.base import ZooKeys
from pytest_quant.judging.limits.drop import DropLimit, parse_drop
from pytest_quant.judging.limits.written import MAX_TOLERANCE_PCT, Keyword, Written, named, placed
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.metric import Metric

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class Tolerance(DropLimit):
    """The largest allowed drop of int8; its case is named after the metric."""

    kind: ClassVar[str] = "tolerance"
    is_loss: ClassVar[bool] = True
    zoo_keys: ClassVar[ZooKeys] = {"tolerance": (dict[str, object], {})}
    marker: ClassVar[str | None] = "quant_tolerance"
    marker_example: ClassVar[str] = "top1=1.0"

    @property
    def name(self) -> str:
        """Such as ``top1``."""
        return self.metric.name

    @classmethod
    def parse(cls, metric: Metric, raw: object, max_tolerance_pct: float = MAX_TOLERANCE_PCT) -> Self:
        """A number in the metric's own unit, or a string such as ``"1%"``; raises `ConfigError` without a place."""
        return cls(metric, *parse_drop(metric, raw, max_tolerance_pct))

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """Those of the entry, over those of ``defaults`` whose metric the task has."""
        own = written.get("tolerance")
        defaults = {name: raw for name, raw in written.default_tolerance.items() if name in written.metrics}
        for name, raw in (defaults | own).items():
            if raw is None:  # the model's own way to drop a default
                continue
            place = (written.place if name in own else written.default_place)(("tolerance", name))
            metric = written.metric(name, place)
            with placed(place):
                yield cls.parse(metric, raw, written.max_tolerance_pct)

    @classmethod
    def of_keyword(cls, keyword: Keyword, metric: Metric | None) -> Self:
        """``@quant_tolerance(top1=1.0)``."""
        with placed(keyword.place):
            return cls.parse(named(metric), keyword.value, keyword.max_tolerance_pct)
