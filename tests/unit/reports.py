"""Reports with cases and models of our choice."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_quant.report.data import build_report, model_entry
from pytest_quant.report.model import Case, Entry, ModelEntry, Report
from pytest_quant.run.records import RunCase, limit_case
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.verdict import Decision, Outcome
from tests.unit.measurements import measured, outcomes


def record(limit: Limit, decision: Decision, outcome: Outcome, model: str = "m", reason: str = "why") -> RunCase:
    """A case of a model with what became of it."""
    return limit_case(f"zoo.quant.yaml::{model}::{limit.name}", model, limit).record(decision, outcome, reason)


def model_of(*, total: int | None = None, **changes: Entry | str | None) -> ModelEntry:
    """A classifier that has 80 of 100 samples right as fp32 and 78 as int8, with some entries of our choice."""
    entry = model_entry(measured(*outcomes(78, 2, 0, 20), total=total), "zoo.quant.yaml", 0.95)
    return entry.model_copy(update=changes)


def report_of(*cases: Case, models: Mapping[str, ModelEntry] | None = None) -> Report:
    """A report of these cases; without `models` that of `model_of`, whose name is m."""
    known = {"m": model_of()} if models is None else models
    return build_report(known, cases, started="2026-01-01T00:00:00+00:00", options={})
