"""Numbers that users write, checked: finite, in the metric's own unit, with the digits they were written with.

The messages here say what is wrong with a value; the caller adds where it stands.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.text import brief

if TYPE_CHECKING:
    from typing_extensions import Self


class PrintedFloat(float):
    """A float that remembers how it was written, since ``78.20`` says more than ``78.2``."""

    text: str

    def __new__(cls, value: float, text: str = "") -> Self:
        """``value`` as parsed, ``text`` as written."""
        self = super().__new__(cls, value)
        self.text = text
        return self


def finite_number(raw: object, expected: str = "a number") -> float:
    """A finite number that is not a truth value; raises `ConfigError` naming what was ``expected``.

    >>> finite_number(94)
    94.0
    """
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise ConfigError(f"found {brief(raw)}, expected {expected}")
    if not math.isfinite(raw):
        raise ConfigError(f"found {raw!r}, expected a finite number")
    return float(raw)


def metric_value(metric: Metric, raw: object) -> float:
    """A value of a metric in its own unit; raises `ConfigError` for what the metric cannot be, such as 0.94 for 94 %.

    A metric without a maximum takes every finite number.
    """
    value = finite_number(raw)
    if metric.maximum is None:
        return value
    if metric.unit == "%" and 0 < value <= 1:
        raise ConfigError(
            f"found {raw!r}, expected percent from 0 to 100: probably a unit mistake "
            f"(write {100 * value:g} for {100 * value:g} %)"
        )
    if not 0 <= value <= metric.maximum:
        hint = f" (write {value / 100:g} for {value:g} %)" if metric.unit == "fraction" and value > 1 else ""
        raise ConfigError(f"found {raw!r}, expected {metric.name} from 0 to {metric.maximum:g}{hint}")
    return value


def half_last_digit(raw: object) -> float:
    """Half of the last digit that a number was written with.

    >>> half_last_digit(PrintedFloat(78.2, "78.20"))
    0.005
    """
    text = raw.text if isinstance(raw, PrintedFloat) else repr(raw)
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(0.5 * 10.0 ** (int(exponent or 0) - decimals))


def share_of_range(metric: Metric, pct: float, value: float = 0.0) -> float:
    """``pct`` percent of a metric's range; of ``value`` where the metric has no maximum.

    >>> share_of_range(Metric("top1", "%"), 0.1), share_of_range(Metric("hmean", "fraction"), 0.1)
    (0.1, 0.001)
    """
    return pct / 100 * (abs(value) if metric.maximum is None else metric.maximum)
