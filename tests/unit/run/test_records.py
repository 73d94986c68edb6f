from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.int8 import Quantized
from pytest_quant.judging.limits.published import Published
from pytest_quant.judging.limits.require import Requirement
from pytest_quant.judging.limits.table import SoundTable
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.run.bulletin import Bulletin
from pytest_quant.run.records import RunCase, limit_case, planned_case, worse
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.number import PrintedFloat
from pytest_quant.spec.verdict import Decision, Verdict
from tests.unit.metrics import METRICS
from tests.unit.reports import model_of, report_of


@pytest.mark.parametrize(
    ("limit", "kind", "metric", "value", "needs_dataset"),
    [
        (Tolerance(METRICS["top1"], 1.0), "tolerance", "top1", 1.0, True),
        (Tolerance(METRICS["hmean"], 0.015, relative=True), "tolerance", "hmean", "1.5%", True),
        (Floor(METRICS["AP"], 0.7), "floor", "AP", 0.7, True),
        (Published(METRICS["top1"], "fp32", 78.2, 0.1), "published", "top1", 78.2, True),
        (Requirement("flip_test", False), "require", None, False, True),
        (Requirement("mean", [1.0, 2.0]), "require", None, "[1.0, 2.0]", True),
        (Requirement("crop", None), "require", None, "None", True),
        (Requirement("scale", float("nan")), "require", None, "nan", True),
        (Quantized(), "int8", None, None, False),
        (SoundTable(), "table", None, None, False),
    ],
)
def test_what_is_known_of_a_case_before_it_runs(
    limit: Limit, kind: str, metric: str | None, value: Any, needs_dataset: bool
) -> None:
    planned = limit_case("zoo::m::x", "m", limit)
    assert (planned.id, planned.model, planned.name) == ("zoo::m::x", "m", limit.name)
    assert (planned.kind, planned.metric, planned.limit, planned.needs_dataset) == (kind, metric, value, needs_dataset)
    assert type(planned.limit) is type(value)


PLANNED = limit_case("zoo::m::top1", "m", Tolerance(METRICS["top1"], 0.01, relative=True))


def test_a_case_that_was_not_decided() -> None:
    record = PLANNED.record("error", "failed", "why", 2.5)
    assert record == RunCase(
        id="zoo::m::top1",
        model="m",
        metric="top1",
        kind="tolerance",
        limit="1%",
        value=None,
        verdict="error",
        outcome="failed",
        reason="why",
        seconds=2.5,
        name="top1",
        needs_dataset=True,
    )


def test_a_verdict_brings_its_value_and_its_limit() -> None:
    record = PLANNED.decided(Verdict("fail", "why", value=2.0, limit=0.8), 0.5)
    assert (record.verdict, record.reason, record.value, record.limit) == ("fail", "why", 2.0, 0.8)
    assert PLANNED.decided(Verdict("pass", "why"), 0.5).limit == "1%"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("pass", "crashed", "crashed"),
        ("error", "fail", "error"),
        ("pass", "skipped", "skipped"),
        ("missing", "pass", "missing"),
        ("inconclusive", "fail", "fail"),
        ("pass", "pass", "pass"),
        ("missing", "fail", "missing"),
    ],
)
def test_of_two_reports_of_a_case_the_worse_counts(one: Decision, other: Decision, expected: Decision) -> None:
    first, second = (PLANNED.record(decision, "passed", "") for decision in (one, other))
    assert worse(first, second).verdict == worse(second, first).verdict == expected


def test_numbers_of_numpy_go_over_the_wire() -> None:
    case = PLANNED.decided(Verdict("pass", "why", value=np.float64(1.5), limit=PrintedFloat(1.0, "1.00")), 0.5)
    bulletin = Bulletin(cases=(case,), models={"m": model_of()}, measured=True)
    wire = bulletin.to_wire()
    assert type(wire) is str
    assert json.loads(wire)["cases"][0]["value"] == 1.5
    assert Bulletin.from_wire(wire) == bulletin


def test_an_empty_bulletin() -> None:
    assert Bulletin.from_wire(Bulletin().to_wire()) == Bulletin()


def test_the_row_of_a_case_tells_nothing_of_the_run() -> None:
    (row,) = json.loads(json.dumps(report_of(PLANNED).as_json()))["cases"]
    assert set(row) == {
        *("id", "model", "metric", "kind", "limit", "value", "verdict", "outcome", "reason", "seconds"),
    }


def test_a_case_of_a_broken_entry_has_no_limit() -> None:
    planned = planned_case("zoo::m::config", "m", "config")
    assert planned.record("error", "failed", "why").limit is None
    assert (planned.verdict, planned.outcome) == ("missing", "not_run")
