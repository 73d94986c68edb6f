"""Limits: one thing each to decide about a model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pytest_quant.spec.metric import METRICS
from pytest_quant.spec.net import Net, Side

Kind = Literal[
    "tolerance", "floor", "published", "require", "int8", "table", "onnx", "onnx_int8", "config", "zoo", "baseline"
]


@dataclass(frozen=True)
class Tolerance:
    """The largest allowed drop fp32 - int8."""

    metric: str
    amount: float
    """In the metric's own unit; for a relative tolerance a share of the fp32 value (0.01 is 1 %)."""
    relative: bool = False


@dataclass(frozen=True)
class Floor:
    """The least allowed int8 value, in the metric's own unit."""

    metric: str
    value: float


@dataclass(frozen=True)
class Published:
    """A number somebody published for one side of a model."""

    side: Side
    metric: str
    value: float
    within: float
    """Allowed difference in the metric's own unit, half of the last printed digit included."""
    samples: int | None = None
    """How many samples the published number was measured on; None: the whole dataset."""


@dataclass(frozen=True)
class Requirement:
    """A condition of the evaluation that must hold."""

    condition: str
    value: Any


@dataclass(frozen=True)
class NoWorse:
    """int8 must not be worse than the committed baseline on the same samples."""

    metric: str
    within: float
    """How much worse it may be, in the metric's own unit."""


@dataclass(frozen=True)
class Parity:
    """The ONNX file and the ncnn fp32 net must be the same model."""

    metric: str
    within: float
    """Largest difference of the metric, either way, in its own unit."""
    least_sqnr_db: float
    """Least signal to noise ratio of the raw outputs, the ONNX file's being the signal."""


@dataclass(frozen=True)
class Untold:
    """A condition that a training config file leaves open, and why."""

    reason: str
    """What was found, where, and what to do."""


@dataclass(frozen=True)
class Limit:
    """One thing to decide about a model: one case, one verdict."""

    kind: Kind
    name: str
    """The last part of the test id: ``top1``, ``floor[top1]``, ``published[fp32.top1]``, ``require[flip_test]``, ..."""
    rule: Tolerance | Floor | Published | Requirement | NoWorse | Parity | None = None

    @property
    def metric(self) -> str | None:
        """The metric it is about, if any."""
        return None if self.rule is None or isinstance(self.rule, Requirement) else self.rule.metric

    @property
    def needs_dataset(self) -> bool:
        """Whether deciding it takes samples; the others look at the model's files only."""
        return self.kind in ("tolerance", "floor", "published", "require", "onnx", "onnx_int8", "baseline")

    @property
    def net(self) -> Net:
        """The net that is held against fp32 to decide it."""
        if self.kind == "onnx" or self.kind == "onnx_int8":
            return self.kind
        return "int8"


def tolerance_limit(rule: Tolerance) -> Limit:
    """The case of a tolerance, named after its metric."""
    return Limit("tolerance", rule.metric, rule)


def floor_limit(rule: Floor) -> Limit:
    """The case of a floor, such as ``floor[top1]``."""
    return Limit("floor", f"floor[{rule.metric}]", rule)


def published_limit(rule: Published) -> Limit:
    """The case of a published value, such as ``published[fp32.top1]``."""
    return Limit("published", f"published[{rule.side}.{rule.metric}]", rule)


def requirement_limit(rule: Requirement) -> Limit:
    """The case of a required condition, such as ``require[flip_test]``."""
    return Limit("require", f"require[{rule.condition}]", rule)


def parity_limit(rule: Parity) -> Limit:
    """The case of the ONNX file beside the ncnn fp32 net, such as ``onnx[top1]``."""
    return Limit("onnx", f"onnx[{rule.metric}]", rule)


def onnx_int8_limit(rule: Tolerance) -> Limit:
    """The case of the quantized ONNX file's own drop, such as ``onnx_int8[top1]``."""
    return Limit("onnx_int8", f"onnx_int8[{rule.metric}]", rule)


def baseline_limits(limits: Iterable[Limit], within_pct: float) -> tuple[Limit, ...]:
    """One case per metric that has a limit, such as ``baseline[top1]``; ``within_pct`` is of the metric's range."""
    metrics = dict.fromkeys(limit.metric for limit in limits if limit.metric is not None)
    rules = (NoWorse(metric, within_pct / 100 * METRICS[metric].range) for metric in metrics)
    return tuple(Limit("baseline", f"baseline[{rule.metric}]", rule) for rule in rules)
