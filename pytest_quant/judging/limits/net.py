"""``net``: how much worse than fp32 a further net of the model may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.drop import DropLimit, parse_drop
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.judging.limits.written import Written, placed
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.net import Net

if TYPE_CHECKING:
    from typing_extensions import Self

ONNX_INT8: Net = "onnx_int8"


@dataclass(frozen=True)
class NetTolerance(DropLimit):
    """The largest allowed drop of a net that is neither fp32 nor int8."""

    kind: ClassVar[str] = "net"
    stands_alone: ClassVar[bool] = False

    held: Net = ONNX_INT8
    """The net that is held against fp32."""

    @property
    def name(self) -> str:
        """Such as ``onnx_int8[top1]``."""
        return f"{self.held}[{self.metric.name}]"

    @property
    def net(self) -> Net:
        """The further net."""
        return self.held

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """The net's own tolerances over those of int8."""
        net = written.get(ONNX_INT8)
        if net is None:
            return
        rules = {
            limit.metric.name: cls(limit.metric, limit.amount, limit.relative)
            for limit in others
            if isinstance(limit, Tolerance)
        }
        for name, raw in net.tolerance.items():
            place = written.place((ONNX_INT8, "tolerance", name))
            metric = written.metric(name, place)
            with placed(place):
                rules[name] = cls(metric, *parse_drop(metric, raw, written.max_tolerance_pct))
        if not rules:
            raise ConfigError(
                f"{written.place((ONNX_INT8,))}: neither it nor the model has a tolerance, so nothing could fail"
            )
        yield from rules.values()
