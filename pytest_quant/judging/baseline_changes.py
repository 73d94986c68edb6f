"""What an update of the committed baseline does to it, value by value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_quant.judging.baseline import BaselineEntry, BaselineValues
from pytest_quant.spec.net import Net


@dataclass(frozen=True)
class BaselineChange:
    """What an update does to one metric of one model; ``before`` is None where it was not there."""

    model: str
    metric: str
    before: BaselineValues | None
    now: BaselineValues
    net: Net = "int8"

    def text(self, number: Callable[[float], str]) -> str:
        """Such as ``tiny top1: int8 86.67 -> 85.00``; ``number`` prints a value, and more digits follow where needed.

        >>> before, now = BaselineValues(fp32=90, int8=86.6), BaselineValues(fp32=90, int8=85)
        >>> BaselineChange("tiny", "top1", before, now).text(lambda value: f"{value:.2f}")
        'tiny top1: int8 86.60 -> 85.00'
        >>> BaselineChange("tiny", "top1", None, now, "lite_int8").text(lambda value: f"{value:.2f}")
        'tiny top1: new: fp32 90.00, lite_int8 85.00'
        """
        names = {"fp32": "fp32", "int8": self.net}

        def told(value: float | None, other: float | None) -> str:
            if value is None:
                return "none"
            return number(value) if other is None or number(value) != number(other) else repr(value)

        before, now = (({} if one is None else dict(one)) for one in (self.before, self.now))
        if self.before is None:
            known = [f"{names[side]} {number(value)}" for side, value in now.items() if value is not None]
            return f"{self.model} {self.metric}: new: {', '.join(known)}"
        changed = [side for side in now if before[side] != now[side]]
        pairs = [
            f"{names[side]} {told(before[side], now[side])} -> {told(now[side], before[side])}" for side in changed
        ]
        return f"{self.model} {self.metric}: {', '.join(pairs)}"


def changes(before: Mapping[str, BaselineEntry], entries: Mapping[str, BaselineEntry]) -> list[BaselineChange]:
    """Each value that an update writes anew or otherwise, by model, net and metric; int8 comes first."""
    found = []
    for model, entry in sorted(entries.items()):
        earlier = before.get(model)
        known = {} if earlier is None else {"int8": earlier, **earlier.nets}
        for net, one in [("int8", entry), *sorted(entry.nets.items())]:
            values = known[net].metrics if net in known else {}
            for metric, now in sorted(one.metrics.items()):
                if values.get(metric) != now:
                    found.append(BaselineChange(model, metric, values.get(metric), now, net))
    return found
