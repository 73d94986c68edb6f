"""The typed report: its published schema, reading it back, and what its parts know of themselves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pydantic
import pytest

from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.report.data import net_entry
from pytest_quant.report.markdown import markdown
from pytest_quant.report.model import NoRescueEntry, OutputsEntry, Report, SqnrEntry
from pytest_quant.report.read import read_report
from pytest_quant.report.schema import main, schema_text
from pytest_quant.report.table import table
from pytest_quant.report.terminal import summary_lines
from pytest_quant.report.write import write_report
from pytest_quant.run.records import planned_case
from pytest_quant.spec.errors import ConfigError
from tests.unit.measurements import measured, outcomes
from tests.unit.metrics import METRICS
from tests.unit.reports import model_of, record, report_of

TOLERANCE = Tolerance(METRICS["top1"], 1.0)
PUBLISHED = Path(__file__).parents[3] / "docs" / "report.schema.json"


@pytest.mark.skipif(
    tuple(map(int, pydantic.VERSION.split(".")[:2])) < (2, 10), reason="older pydantic says the same in other words"
)
def test_the_published_schema_is_that_of_the_models() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text(), (
        "python -m pytest_quant.report.schema docs/report.schema.json writes it anew"
    )


def test_the_schema_is_written_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path / "s.json")])
    main([])
    assert (tmp_path / "s.json").read_text() == capsys.readouterr().out == schema_text()


def test_the_schema_knows_every_key_that_is_written_and_wants_those_that_always_are() -> None:
    schema = json.loads(schema_text())
    model, case = schema["$defs"]["ModelEntry"], schema["$defs"]["Case"]
    written = report_of(record(TOLERANCE, "fail", "failed"), models={"m": model_of(rescue=NO_RESCUE)}).as_json()
    content: dict[str, Any] = json.loads(json.dumps(written))
    assert set(schema["required"]) == set(content)
    assert set(model["required"]) <= set(content["models"]["m"]) <= set(model["properties"])
    assert set(case["required"]) == set(content["cases"][0])
    assert {"nets", "onnx", "diagnosis", "rescue"} <= set(model["properties"]) - set(model["required"])
    assert model["additionalProperties"] is False
    assert model["properties"]["conditions"]["description"] == "Of the evaluation; each can be required."


NO_RESCUE = NoRescueEntry(found=False, meets=False, error="nothing to search on")


def test_a_report_is_read_back(tmp_path: Path) -> None:
    report = report_of(record(TOLERANCE, "fail", "failed"), models={"m": model_of(rescue=NO_RESCUE)})
    path = tmp_path / "r.json"
    write_report(report, path)
    back = read_report(path)
    assert back.as_json() == report.as_json()
    assert back.models == report.models
    assert markdown(back) == markdown(report)
    assert [line for line, _ in summary_lines(back)] == [line for line, _ in summary_lines(report)]


def raw_report() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(report_of(record(TOLERANCE, "fail", "failed")).as_json()))
    return found


def without(raw: dict[str, Any], *keys: str) -> dict[str, Any]:
    *outer, last = keys
    inner = raw
    for key in outer:
        inner = inner[key]
    del inner[last]
    return raw


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"r\.json: is not a JSON file: .*; write one with pytest --quant --quant-report report\.json"),
        ("[1]", "is not a report of pytest-quant: it lacks the key `schema`"),
        ('{"version": 1}', "is not a report of pytest-quant: it lacks the key `schema`"),
        ('{"schema": 2}', r"has schema 2 \(int\), this version knows 1"),
        ('{"schema": true}', r"has schema True \(bool\), this version knows 1"),
        ('{"schema": 1, "cases": [NaN]}', "is not a JSON file: found NaN, which is not JSON"),
        (json.dumps(without(raw_report(), "models", "m", "samples", "total")), r"models\.m\.samples\.total: Field req"),
        (
            json.dumps(raw_report() | {"extra": [1]}),
            r"extra: Extra inputs are not permitted, found \[1\] \(list\)\. A newer pytest-quant may have written it",
        ),
    ],
)
def test_what_is_no_report_says_so(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_report(path)


def test_an_absent_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        read_report(tmp_path / "none.json")


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(ConfigError, match="cannot be read: it is not a regular file"):
        read_report(tmp_path / "pipe.json")


def test_further_nets_have_rows_of_their_own() -> None:
    net = net_entry(measured(*outcomes(70, 10, 5, 15), runtime="some runtime 1"), 0.95, ["top1"])
    model = model_of(onnx_int8=net).model_copy(update={"nets": {"mine": net}})
    cases = [
        planned_case(
            f"zoo::m::{name}[top1]", "m", "tolerance", metric="top1", limit=1.0, net=name, name=f"{name}[top1]"
        ).record("fail", "failed", "why")
        for name in ("onnx_int8", "mine", "away")
    ]
    report = report_of(record(TOLERANCE, "pass", "passed"), *cases, models={"m": model})
    found = [(row.cells()[0], row.cells()[5], row.cells()[9], row.verdict.text) for row in table(report).rows]
    assert [row[:2] for row in found] == [
        ("m", "78.00"),
        ("m away", "-"),
        ("m mine", "75.00"),
        ("m onnx_int8", "75.00"),
    ]
    assert [row[3] for row in found] == ["PASS", "FAIL", "FAIL", "FAIL"]
    lines = [line for line, _ in summary_lines(report)]
    assert "rows mine: that net in the place of int8, beside the same fp32, by some runtime 1" in lines
    assert (
        "rows onnx_int8: the quantized ONNX file in the place of int8, beside the same fp32, by some runtime 1" in lines
    )
    assert Report.model_validate(json.loads(json.dumps(report.as_json()))).models["m"] == model


def test_two_processes_complete_each_other() -> None:
    net = net_entry(measured(*outcomes(70, 10, 5, 15), runtime="r"), 0.95, None)
    one = model_of(rescue=NO_RESCUE).with_net("b", net)
    other = model_of().with_net("onnx_int8", net).with_net("a", net).model_copy(update={"notes": ("a note",)})
    both = one.completed(other)
    assert (both.rescue, both.onnx_int8, both.notes) == (NO_RESCUE, net, ("a note",))
    assert list((both.nets or {}).items()) == [("a", net), ("b", net)]
    assert one.completed(model_of()) == one


def test_a_process_that_knows_less_of_a_net_takes_nothing_away() -> None:
    net = net_entry(measured(*outcomes(70, 10, 5, 15), runtime="r"), 0.95, None)
    outputs = OutputsEntry(samples=1, blobs={"prob": SqnrEntry(sqnr_db=20.0)}, worst="prob")
    compared = net.model_copy(update={"outputs": outputs})
    for name in ("mine", "onnx_int8"):
        more, less = model_of().with_net(name, compared), model_of().with_net(name, net)
        assert more.completed(less) == less.completed(more) == more


def test_the_report_of_a_task_that_is_not_known_here_can_be_shown() -> None:
    report = report_of(record(TOLERANCE, "pass", "passed"), models={"m": model_of(task="something else")})
    (row,) = table(report).rows
    assert (row.cells()[-3], row.cells()[-1]) == ("-2 +0", "PASS")


def test_a_metric_of_another_unit_keeps_its_range() -> None:
    model = model_of()
    grey = model.metrics["top1"].model_copy(update={"unit": "px", "maximum": 255.0, "higher_is_better": False})
    metric = type(grey).model_validate(grey.as_json()).metric("nme")
    assert (metric.unit, metric.maximum, metric.higher_is_better) == ("px", 255.0, False)
    assert "maximum" not in model.metrics["top1"].as_json()
    assert model.metrics["top1"].metric("top1").maximum == 100.0
