"""``net``: how much worse than fp32 a further net of the model may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pytest_quant.judging.limits.drop import DropLimit, parse_drop
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.judging.limits.written import Keys, Written, placed
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.net import Net

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class NetTolerance(DropLimit):
    """The largest allowed drop of a net that is neither fp32 nor int8."""

    kind: ClassVar[str] = "net"
    stands_alone: ClassVar[bool] = False

    held: Net = "onnx_int8"
    """The net that is held against fp32."""

    @property
    def name(self) -> str:
        """Such as ``onnx_int8[top1]``."""
        return f"{self.held}[{self.metric.name}]"

    @property
    def net(self) -> Net:
        """The further net."""
        return self.held

    @property
    def keys(self) -> tuple[str, ...]:
        """Such as ``nets.NET.tolerance.top1``; of the short form ``onnx_int8.tolerance.top1``."""
        place = (self.held,) if self.held == "onnx_int8" else ("nets", self.held)
        return (*place, "tolerance", self.metric.name)

    @classmethod
    def of_entry(cls, written: Written, others: Sequence[Limit]) -> Iterator[Self]:
        """For each further net its own tolerances over those of int8."""
        own = {limit.net for limit in others}
        for net, keys, values in written.of_nets("tolerance"):
            yield from cls._of_net(written, others, net, keys, values, has_other_limits=net in own)

    @classmethod
    def _of_net(
        cls,
        written: Written,
        others: Sequence[Limit],
        net: Net,
        keys: Keys,
        own: Mapping[str, object],
        *,
        has_other_limits: bool,
    ) -> Iterator[Self]:
        rules = {
            limit.metric.name: cls(limit.metric, limit.amount, limit.relative, net)
            for limit in others
            if isinstance(limit, Tolerance)
        }
        for name, raw in own.items():
            place = written.place((*keys, "tolerance", name))
            metric = written.metric(name, place)
            with placed(place):
                rules[name] = cls(metric, *parse_drop(metric, raw, written.max_tolerance_pct), net)
        if not rules and not has_other_limits:
            raise ConfigError(f"{written.place(keys)}: neither it nor the model has a tolerance, so nothing could fail")
        yield from rules.values()
