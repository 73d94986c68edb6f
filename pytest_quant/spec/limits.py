"""From what a user writes as a limit to a `Tolerance`, `Floor` or `Published`, with units checked.

Zoo files and markers share these rules. The messages here say what is wrong with a value; the caller adds where it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Floor, Parity, Published, Tolerance
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.net import Side
from pytest_quant.spec.text import brief, listed

if TYPE_CHECKING:
    from typing_extensions import Self

MAX_TOLERANCE_PCT = 10.0
"""A tolerance of this share of the metric's range or more is taken for a unit mistake."""

PUBLISHED_WITHIN_PCT = 0.1
"""Default distance of a published value, in percent of the metric's range: 0.1 points, or 0.001 of a fraction."""

PARITY_WITHIN_PCT = 0.1
"""How far the metric of an ONNX file and of the ncnn fp32 net may be apart, in percent of the metric's range."""

PARITY_SQNR_DB = 40.0
"""Least agreement of their raw outputs. Another order of additions costs nothing near it (above 100 dB), half precision
gives about 70, int8 some 25 to 35."""


class PrintedFloat(float):
    """A float that remembers how it was written, since ``78.20`` says more than ``78.2``."""

    text: str

    def __new__(cls, value: float, text: str = "") -> Self:
        """``value`` as parsed, ``text`` as written."""
        self = super().__new__(cls, value)
        self.text = text
        return self


def parse_tolerance(metric: Metric, raw: Any, max_tolerance_pct: float = MAX_TOLERANCE_PCT) -> Tolerance:
    """The largest allowed drop: a number in the metric's own unit, or a string such as ``"1%"`` relative to fp32.

    >>> from pytest_quant.spec.metric import Metric
    >>> parse_tolerance(Metric("top1", "%"), 1.0)
    Tolerance(metric='top1', amount=1.0, relative=False)
    >>> parse_tolerance(Metric("top1", "%"), "1%")
    Tolerance(metric='top1', amount=0.01, relative=True)
    """
    relative = isinstance(raw, str)
    amount = _percentage(raw) if isinstance(raw, str) else _number(raw, "a number, or a string such as '1%'")
    if amount < 0:
        raise ConfigError(
            f"found {raw!r}, expected 0 or more: a tolerance is the largest allowed drop fp32 - int8, "
            "and an int8 model that is better passes anyway"
        )
    share_pct = 100 * amount if relative else 100 * amount / metric.range
    if share_pct >= max_tolerance_pct:
        raise ConfigError(_too_large(metric, raw, share_pct, relative, max_tolerance_pct))
    return Tolerance(metric.name, amount, relative)


def _too_large(metric: Metric, raw: Any, share_pct: float, relative: bool, max_tolerance_pct: float) -> str:
    of_what = "the fp32 value" if relative else f"the range 0 to {metric.range:g}"
    unit = "in percentage points" if metric.unit == "%" else "as a fraction"
    example = "1.0 allows a drop from 80.0 to 79.0" if metric.unit == "%" else "0.01 allows a drop from 0.800 to 0.790"
    return (
        f"found {raw!r}, which is {share_pct:g} % of {of_what}: probably a unit mistake. "
        f"A tolerance of {metric.name} is given {unit} ({example}) and must stay below {max_tolerance_pct:g} % of the "
        "range; the ini option quant_max_tolerance sets that share in percent"
    )


def parse_floor(metric: Metric, raw: Any) -> Floor:
    """The least allowed int8 value, in the metric's own unit."""
    return Floor(metric.name, _score(metric, raw))


def parse_published(metric: Metric, side: Side, raw: Any) -> Published:
    """A published value: a number, or ``{value: ..., samples: ..., within: ...}``.

    ``within`` replaces 0.1 points (0.001 of a fraction); half of the last printed digit is added to either.
    """
    entry: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {"value": raw}
    unknown = sorted(map(str, set(entry) - {"value", "samples", "within"}))
    if unknown:
        raise ConfigError(f"unknown key {listed(unknown)}; known keys: value, samples, within")
    if "value" not in entry:
        raise ConfigError(f"found {dict(entry)!r}, expected the key `value`")
    samples = entry.get("samples")
    if samples is not None and (not isinstance(samples, int) or isinstance(samples, bool) or samples < 1):
        raise ConfigError(f"samples: found {samples!r}, expected a whole number of 1 or more")
    default = PUBLISHED_WITHIN_PCT / 100 * metric.range
    within = _number(entry.get("within", default), "a number")
    if within < 0:
        raise ConfigError(f"within: found {entry['within']!r}, expected 0 or more")
    value = _score(metric, entry["value"])
    return Published(side, metric.name, value, within + _half_last_digit(entry["value"]), samples)


def parity(metric: Metric) -> Parity:
    """What `onnx` asks for: the same metric as the ncnn fp32 net's, and the same outputs."""
    return Parity(metric.name, PARITY_WITHIN_PCT / 100 * metric.range, PARITY_SQNR_DB)


def _score(metric: Metric, raw: Any) -> float:
    value = _number(raw, "a number")
    if metric.unit == "%" and 0 < value <= 1:
        raise ConfigError(
            f"found {raw!r}, expected percent from 0 to 100: probably a unit mistake "
            f"(write {100 * value:g} for {100 * value:g} %)"
        )
    if not 0 <= value <= metric.range:
        hint = f" (write {value / 100:g} for {value:g} %)" if metric.unit == "fraction" and value > 1 else ""
        raise ConfigError(f"found {raw!r}, expected {metric.name} from 0 to {metric.range:g}{hint}")
    return value


def _number(raw: Any, expected: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise ConfigError(f"found {brief(raw)}, expected {expected}")
    if not math.isfinite(raw):
        raise ConfigError(f"found {raw!r}, expected a finite number")
    return float(raw)


def _percentage(raw: str) -> float:
    text = raw.strip()
    try:
        if not text.endswith("%"):
            raise ValueError
        return _number(float(text[:-1]), "a percentage") / 100
    except ValueError:
        raise ConfigError(
            f"found {raw!r}, expected a number in the metric's own unit, or a string such as '1%' for a drop relative "
            "to fp32"
        ) from None


def _half_last_digit(raw: Any) -> float:
    text = raw.text if isinstance(raw, PrintedFloat) else repr(raw)
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(0.5 * 10.0 ** (int(exponent or 0) - decimals))
