"""The numbers of a case in few words, to stand beside what pytest says of its test."""

from __future__ import annotations

import re

from pytest_quant.report.model import Case, MeasuredMetric, ModelEntry

_MOST_CHARS = 90


def numbers_of(case: Case, model: ModelEntry | None) -> str:
    """Such as ``top1 94.82 -> 94.83, drop -0.01 <= 1.00``; of other kinds the reason without its parentheses.

    ``model``: what was measured of the case's model, where anything was.
    """
    values = None if model is None else _values(case, model)
    if values is None or case.metric is None:
        return _brief(case.reason)
    number = values.metric(case.metric).number
    limit = number(case.limit) if isinstance(case.limit, (int, float)) else str(case.limit)
    drop = f"{case.metric} {number(values.fp32)} -> {number(values.int8)}, drop {number(values.drop)}"
    if case.verdict in ("pass", "fail"):
        return f"{drop} {'<=' if case.verdict == 'pass' else '>'} {limit}"
    bounds = "" if values.ci is None else f" ({number(values.ci[0])} to {number(values.ci[1])})"
    return f"{drop}{bounds}, allowed {limit}"


def properties_of(case: Case, model: ModelEntry | None) -> dict[str, str]:
    """The numbers of a case by name, for readers of JUnit files: verdict, limit, and what was measured.

    Numbers stand as they are in the JSON report; one that is missing is left out.
    """
    found: dict[str, object] = {"verdict": case.verdict, "limit": case.limit, "value": case.value}
    measured = model if model is None or case.net is None else model.further_nets.get(case.net)
    if measured is not None:
        found |= {"n": measured.samples.evaluated, "total": measured.samples.total}
        values = measured.metrics.get(case.metric or "")
        if values is not None:
            found |= {"fp32": values.fp32, "int8": values.int8, "drop": values.drop}
    return {f"quant_{name}": str(value) for name, value in found.items() if value is not None}


def _values(case: Case, model: ModelEntry) -> MeasuredMetric | None:
    """The metric whose drop the case is about."""
    if case.metric is None or case.kind not in ("tolerance", "net"):
        return None
    measured = model if case.net is None else model.further_nets.get(case.net)
    return None if measured is None else measured.metrics.get(case.metric)


def _brief(reason: str) -> str:
    first = re.sub(r" \([^()]*\)", "", reason.partition("\n")[0])
    return first if len(first) <= _MOST_CHARS else f"{first[: _MOST_CHARS - 3]}..."
