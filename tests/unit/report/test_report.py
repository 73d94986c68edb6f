"""The report as data, and what the table, the terminal and Markdown make of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.int8 import Quantized
from pytest_quant.judging.limits.published import Published
from pytest_quant.judging.limits.require import Requirement
from pytest_quant.judging.limits.table import SoundTable
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.report.data import build_report, model_entry
from pytest_quant.report.markdown import markdown
from pytest_quant.report.message import failure_message
from pytest_quant.report.model import Case, ModelEntry, Report
from pytest_quant.report.table import Row, table
from pytest_quant.report.terminal import summary_lines
from pytest_quant.report.write import write_report
from pytest_quant.run.records import limit_case, planned_case
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.verdict import Decision, Outcome, Verdict
from tests.unit.measurements import measured, outcomes, some_model
from tests.unit.metrics import METRICS
from tests.unit.reports import model_of, record, report_of

TOLERANCE = Tolerance(METRICS["top1"], 1.0)
FLOOR = Floor(METRICS["top1"], 70.0)
INT8 = Quantized()


def rows(*cases: Case, **models: ModelEntry) -> list[Row]:
    return list(table(report_of(*cases, models=models or None)).rows)


def test_a_models_entry() -> None:
    limits = (TOLERANCE, Published(METRICS["top1"], "fp32", 80.5, 0.1))
    measurement = measured(*outcomes(78, 2, 1, 19), total=300, model=some_model(*limits), seed=7)
    typed = model_entry(measurement, "zoos/a.quant.yaml", 0.95)
    entry = json.loads(json.dumps(typed.as_json()))
    assert ModelEntry.model_validate(entry) == typed
    top1 = entry["metrics"]["top1"]
    assert (top1["fp32"], top1["int8"], top1["drop"]) == (80.0, 79.0, 1.0)
    assert top1["ci"][0] < 1.0 < top1["ci"][1]
    assert (top1["ci_level"], top1["unit"], top1["higher_is_better"]) == (0.9, "%", True)
    assert top1["published"] == {"fp32": 80.5}
    assert entry["zoo"] == "zoos/a.quant.yaml"
    assert entry["files"]["fp32.param"] == {"path": "m.param", "sha256": "1" * 64}
    assert "int8.table" not in entry["files"]
    assert entry["samples"] == {"evaluated": 100, "total": 300, "seed": 7, "sha256": "0" * 64, "stopped_early": False}
    assert entry["flips"] == {"only_fp32_right": 2, "only_int8_right": 1, "agreement": 97.0}
    assert entry["timing"]["images_per_second"] == {"fp32": 10.0, "int8": 20.0}


def test_numbers_are_rounded_and_never_minus_zero() -> None:
    third = measured(*outcomes(1, 0, 0, 2))
    assert model_entry(third, "z", 0.95).metrics["top1"].fp32 == 33.333333333
    same = measured(*outcomes(3, 0, 0, 0))
    text = json.dumps(model_entry(same, "z", 0.95).as_json())
    assert "-0.0" not in text
    case = limit_case("i", "m", TOLERANCE).decided(Verdict("pass", "", value=-0.0, limit=1.0), 0.0)
    assert str(case.value) == "0.0"


def test_cases_and_models_are_sorted() -> None:
    records = [record(TOLERANCE, "pass", "passed", name) for name in ("b", "a", "C")]
    models = dict.fromkeys(("b", "C", "a"), model_of())
    report = report_of(*records, record(INT8, "pass", "passed", "a"), models=models)
    assert [case.id.partition("::")[2] for case in report.cases] == ["C::top1", "a::int8", "a::top1", "b::top1"]
    assert list(report.models) == ["C", "a", "b"]


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        ([("pass", "passed"), ("pass", "passed")], "PASS"),
        ([("pass", "passed"), ("fail", "failed")], "FAIL (floor)"),
        ([("fail", "xfailed"), ("pass", "passed")], "FAIL (xfailed)"),
        ([("fail", "xfailed"), ("fail", "failed")], "FAIL (floor)"),
        ([("pass", "passed"), ("fail", "xfailed")], "FAIL (floor, xfailed)"),
        ([("pass", "passed"), ("pass", "xpassed")], "PASS (floor, xpassed)"),
        ([("inconclusive", "passed"), ("pass", "passed")], "INCONCLUSIVE (allowed)"),
        ([("inconclusive", "failed"), ("inconclusive", "passed")], "INCONCLUSIVE"),
        ([("error", "failed"), ("fail", "failed")], "ERROR"),
        ([("crashed", "failed"), ("error", "failed")], "CRASHED"),
        ([("missing", "not_run"), ("pass", "passed")], "NOT RUN"),
        ([("skipped", "skipped"), ("skipped", "not_run")], "NOT RUN"),
        ([("skipped", "skipped"), ("pass", "passed")], "SKIPPED"),
    ],
)
def test_a_row_has_the_worst_verdict_of_its_cases(cases: list[tuple[Decision, Outcome]], expected: str) -> None:
    records = [record(limit, *case) for limit, case in zip((TOLERANCE, FLOOR), cases, strict=True)]
    (row,) = rows(*records)
    assert row.verdict.text == expected


@pytest.mark.parametrize("limit", [INT8, SoundTable(), Requirement("runtime", "deploy")])
def test_a_case_about_the_model_as_a_whole_shows_in_its_rows(limit: Limit) -> None:
    (row,) = rows(record(TOLERANCE, "pass", "passed"), record(limit, "fail", "failed"))
    assert row.verdict.text == f"FAIL ({limit.kind})"


def test_the_cells_of_a_row() -> None:
    (row,) = rows(record(TOLERANCE, "fail", "failed"), record(FLOOR, "pass", "passed"), m=model_of(total=400))
    assert row.is_subset
    cells = row.cells()
    assert cells[:7] == ("m", "d", "top1", "-", "80.00", "78.00", "2.00")
    assert cells[8:] == ("drop <= 1.00, int8 >= 70.00", "100 of 400", "-2 +0", "-", "FAIL")


def test_models_that_were_not_measured_have_a_row() -> None:
    broken = planned_case("zoo.quant.yaml::x::config", "x", "config").record("error", "failed", "why")
    found = rows(record(TOLERANCE, "pass", "passed"), broken)
    assert [row.cells() for row in found[1:]] == [("x", *"-" * 11, "ERROR")]
    assert [row.verdict.text for row in found] == ["PASS", "ERROR"]


def test_a_metric_that_the_model_does_not_have_has_a_row_too() -> None:
    top5 = Tolerance(METRICS["top5"], 1.0)
    found = rows(record(TOLERANCE, "pass", "passed"), record(top5, "error", "failed"))
    assert {(row.metric, row.cells()[4], row.verdict.text) for row in found} == {
        ("top1", "80.00", "PASS"),
        ("top5", "-", "ERROR"),
    }


def test_a_file_that_is_no_zoo_has_no_row() -> None:
    zoo = planned_case("zoo.quant.yaml::zoo", None, "zoo").record("error", "failed", "why")
    report = build_report({}, [zoo], started="", options={})
    assert table(report).rows == ()
    assert [line for line, _ in summary_lines(report)][-1] == "cases: 1 error"


def test_colours_of_the_terminal() -> None:
    def colour(*cases: tuple[Decision, Outcome]) -> dict[str, bool]:
        records = [record(limit, *case) for limit, case in zip((TOLERANCE, FLOOR), cases, strict=False)]
        return list(summary_lines(report_of(*records)))[1][1]

    assert colour(("pass", "passed")) == {"green": True}
    assert colour(("fail", "failed")) == {"red": True}
    assert colour(("fail", "xfailed")) == {"yellow": True}
    assert colour(("pass", "xpassed")) == {"red": True}
    assert colour(("inconclusive", "passed")) == {"yellow": True}
    assert colour(("inconclusive", "failed")) == {"red": True}
    assert colour(("skipped", "skipped"), ("pass", "passed")) == {"yellow": True}


def test_markdown_escapes_what_would_break_its_table() -> None:
    text = markdown(report_of(record(TOLERANCE, "fail", "failed", reason="a | b\nc")))
    assert "FAIL (failed): a \\| b<br>c" in text
    assert text.endswith("\n")
    assert "## Cases that did not pass" not in markdown(report_of(record(TOLERANCE, "pass", "passed")))


@pytest.mark.parametrize(
    ("decision", "allowed", "expected"),
    [
        ("pass", "fail", False),
        ("fail", "fail", True),
        ("fail", "pass", True),
        ("inconclusive", "fail", True),
        ("inconclusive", "pass", False),
    ],
)
def test_which_verdicts_fail_a_case(decision: Decision, allowed: Any, expected: bool) -> None:
    assert Verdict(decision, "").is_broken(allowed) is expected


def test_the_text_of_a_failure() -> None:
    verdict, model = Verdict("fail", "drop = 2.00 > 1.00"), some_model()
    subset = measured(*outcomes(78, 2, 0, 20), total=400, seed=3)
    assert failure_message(model, TOLERANCE, verdict, subset) == (
        "FAIL: drop = 2.00 > 1.00\n"
        "  m on d, top1: right only in fp32 2, only in int8 0; same answer on 98.00 %; a random subset, seed 3"
    )
    assert failure_message(model, INT8, verdict, subset).endswith("\n  m on d, int8")
    assert failure_message(model, TOLERANCE, verdict, None).endswith("\n  m on d, top1")


def test_files_are_written_by_suffix(tmp_path: Path) -> None:
    report = report_of(record(TOLERANCE, "pass", "passed", reason="größer"))
    write_report(report, tmp_path / "new" / "r.json")
    assert json.loads((tmp_path / "new" / "r.json").read_text(encoding="utf-8")) == report.as_json()
    write_report(report, tmp_path / "r.md")
    assert (tmp_path / "r.md").read_text(encoding="utf-8") == markdown(report)
    assert "größer" in (tmp_path / "new" / "r.json").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=r"found the report writer '\.pdf', expected one of \.json, \.md, \.html"):
        write_report(report, tmp_path / "r.pdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "r.md"]


def test_a_report_holds_no_nan() -> None:
    with pytest.raises(ValidationError, match="finite number"):
        record(TOLERANCE, "pass", "passed").decided(Verdict("pass", "", value=float("nan")), 0.0)
    raw = report_of(record(TOLERANCE, "pass", "passed")).as_json()
    with pytest.raises(ValidationError, match="finite number"):
        Report.model_validate(raw | {"environment": {**report_of().environment.as_json(), "options": {"p": math.inf}}})
