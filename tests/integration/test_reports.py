"""The table on the terminal, and the reports as files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.report.read import read_report
from tests import tiny
from tests.integration.runs import ZOO, run_plain, run_quant

SHA256 = re.compile("[0-9a-f]{64}")


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    """A zoo in which everything happens: cases that pass, fail, are expected to, are skipped, and errors."""
    folder = pytester.path
    tiny.write_images(folder, 40)
    (folder / "tiny.table").write_text("conv_param_0 63.5 63.5 63.5 1270\nconv 127\n")
    entry = tiny.model_entry(folder, require={"runtime": "reference"}, tolerance={"top1": "9%"})
    entry["int8"]["table"] = "tiny.table"
    entry["published"] = {"fp32": {"top1": {"value": 85.0, "within": 14}}}
    models = {
        "tiny": entry,
        "bad": tiny.write_bad_model(folder, floor={"top1": 70.0}, xfail={"floor[top1]": "issue | 7"}),
        "away": tiny.model_entry(folder, "away", dataset="away"),
        "broken": {"task": "classification"},
    }
    datasets = {
        "colours": {"type": "image-list", "root": ".", "list": "list.txt"},
        "away": {"type": "image-list", "root": "nowhere", "list": "list.txt"},
    }
    tiny.write_zoo(folder, models, datasets=datasets)
    return folder


VERDICTS = {
    "away::int8": "pass",
    "away::top1": "skipped",
    "bad::floor[top1]": "fail xfailed",
    "bad::int8": "pass",
    "bad::top1": "fail",
    "broken::config": "error",
    "tiny::int8": "pass",
    "tiny::published[fp32.top1]": "pass",
    "tiny::require[runtime]": "pass",
    "tiny::table": "pass",
    "tiny::top1": "pass",
}


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from numbers(item)


def test_the_keys_of_the_json_report(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester)
    report = run.report
    assert report is not None
    assert list(report) == ["schema", "environment", "models", "cases"]
    assert report["schema"] == 1
    environment = report["environment"]
    assert set(environment) == {
        *("pytest_quant", "ncnn", "numpy", "opencv", "python", "cpu", "isa", "runtimes", "started", "options"),
    }
    assert all(
        isinstance(environment[name], str) and environment[name]
        for name in set(environment) - {"isa", "runtimes", "options"}
    )
    assert environment["isa"] == sorted(environment["isa"])
    assert environment["runtimes"]["ncnn"] == environment["ncnn"]
    assert datetime.fromisoformat(environment["started"]).tzinfo is not None
    assert environment["options"]["confidence"] == 0.95
    assert list(report["models"]) == ["bad", "tiny"]
    model = report["models"]["tiny"]
    assert set(model) == {
        *(
            "zoo",
            "task",
            "dataset",
            "files",
            "samples",
            "metrics",
            "flips",
            "conditions",
            "timing",
            "runtimes",
            "predictions",
            "classes",
            "sanity",
        ),
    }
    assert set(model["samples"]) == {"evaluated", "total", "seed", "sha256", "stopped_early"}
    assert list(model["metrics"]) == ["top1"]
    assert set(model["metrics"]["top1"]) == {
        *("unit", "higher_is_better", "fp32", "int8", "drop", "ci", "ci_level", "method", "published"),
    }
    assert set(model["flips"]) == {"only_fp32_right", "only_int8_right", "agreement"}
    assert {"runtime", "resize_backend", "samples"} <= set(model["conditions"])
    assert set(model["predictions"]) == {"fp32", "int8"}
    assert set(model["timing"]) == {"seconds", "images_per_second", "cached"}
    assert set(model["timing"]["images_per_second"]) == set(model["timing"]["cached"]) == {"fp32", "int8"}
    for case in report["cases"]:
        assert set(case) == {
            *("id", "model", "metric", "kind", "limit", "value", "verdict", "outcome", "reason", "seconds"),
        }


def test_what_the_json_report_says(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester)
    report = run.report
    assert report is not None
    assert run.verdicts == VERDICTS
    assert [case["id"] for case in report["cases"]] == sorted(case["id"] for case in report["cases"])
    assert {case["kind"] for case in report["cases"]} == {
        *("tolerance", "floor", "published", "require", "sanity", "int8", "table", "config"),
    }
    assert all(case["reason"] for case in report["cases"])
    tiny_model, bad = report["models"]["tiny"], report["models"]["bad"]
    assert (tiny_model["zoo"], tiny_model["task"], tiny_model["dataset"]) == (ZOO, "classification", "colours")
    top1 = tiny_model["metrics"]["top1"]
    assert (top1["unit"], top1["higher_is_better"], top1["ci_level"]) == ("%", True, 0.9)
    assert top1["published"] == {"fp32": 85.0}
    assert bad["metrics"]["top1"]["published"] == {}
    lost = bad["flips"]["only_fp32_right"] - bad["flips"]["only_int8_right"]
    assert bad["metrics"]["top1"]["drop"] == pytest.approx(100 * lost / 40)
    assert run.cases["tiny::top1"]["limit"] == pytest.approx(0.09 * top1["fp32"])
    assert run.cases["bad::floor[top1]"]["limit"] == 70.0
    assert run.cases["bad::floor[top1]"]["value"] == bad["metrics"]["top1"]["int8"]
    assert run.cases["tiny::require[runtime]"]["limit"] == "reference"
    assert run.cases["away::top1"]["value"] is None
    assert all(math.isfinite(number) for number in numbers(report))


def test_the_json_report_is_read_back(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester, "--quant-diagnose", "-n", "2")
    report = read_report(folder / "report.json")
    assert report.as_json() == run.report
    assert report.models["bad"].metrics["top1"].drop == run.metric("bad")["drop"]


def test_files_are_named_by_relative_path_and_content(pytester: pytest.Pytester, folder: Path) -> None:
    below = pytester.mkdir("zoos")
    (folder / ZOO).rename(below / ZOO)
    text = (below / ZOO).read_text()
    text = re.sub(r"(param|bin|table): (\S+)", r"\1: ../\2", text).replace("root: .\n", "root: ..\n")
    (below / ZOO).write_text(text)
    report = run_quant(pytester, f"zoos/{ZOO}::tiny").report
    assert report is not None
    model = report["models"]["tiny"]
    assert model["zoo"] == f"zoos/{ZOO}"
    assert list(model["files"]) == ["fp32.param", "fp32.bin", "int8.param", "int8.bin", "int8.table"]
    for name, path in {"fp32.param": "tiny.param", "int8.bin": "tiny-int8.bin", "int8.table": "tiny.table"}.items():
        assert model["files"][name] == {
            "path": f"../{path}",
            "sha256": sha256((folder / path).read_bytes()).hexdigest(),
        }
    assert all(case["id"].startswith(f"zoos/{ZOO}::tiny::") for case in report["cases"])


def same(report: Any) -> Any:
    """The report without what may differ between two runs."""
    if isinstance(report, Mapping):
        changing = {"timing", "seconds", "started", "options"}
        return {key: same(value) for key, value in report.items() if key not in changing}
    return [same(item) for item in report] if isinstance(report, list) else report


def test_two_runs_give_the_same_report(pytester: pytest.Pytester, folder: Path) -> None:
    first, second = run_quant(pytester).report, run_quant(pytester, "--quant-jobs", "1").report
    assert first is not None
    assert same(first) == same(second)
    assert SHA256.fullmatch(first["models"]["tiny"]["samples"]["sha256"])


def test_the_samples_hash_changes_with_a_label(pytester: pytest.Pytester, folder: Path) -> None:
    def samples_hash() -> Any:
        report = run_quant(pytester, "-k", "tiny and top1").report
        assert report is not None
        return report["models"]["tiny"]["samples"]["sha256"]

    before = samples_hash()
    text = (folder / "list.txt").read_text()
    label = int(text.split()[1])
    (folder / "list.txt").write_text(text.replace(f"000.png {label}", f"000.png {(label + 1) % tiny.CLASSES}"))
    assert samples_hash() != before


def test_the_json_file_is_plain_and_readable(pytester: pytest.Pytester, folder: Path) -> None:
    run_plain(pytester, "--quant", "--quant-report", "nested/folder/report.json")
    text = (folder / "nested/folder/report.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert "Infinity" not in text
    assert text.startswith('{\n  "schema": 1,\n')
    assert text.endswith("}\n")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_the_terminal_table(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester)
    assert run.report is not None
    lines = run.text.splitlines()
    start = next(index for index, line in enumerate(lines) if "= accuracy of quantized models =" in line)
    table = [line for line in lines[start + 1 :] if line][:10]
    metric, flips = run.metric("bad"), run.report["models"]["bad"]["flips"]
    assert table[0].split() == [
        *("model", "dataset", "metric", "fp32", "int8", "drop", "CI", "of", "drop", "limit", "n", "of", "N"),
        *("flips", "verdict"),
    ]
    assert table[3].split() == ["away", *"-" * 9, "SKIPPED"]
    assert table[1].split() == [
        *("bad", "colours", "top1", f"{metric['fp32']:.2f}", f"{metric['int8']:.2f}", f"{metric['drop']:.2f}"),
        *(f"{metric['ci'][0]:.2f}", "to", f"{metric['ci'][1]:.2f}", "drop", "<=", "5.00,", "int8", ">=", "70.00"),
        *("40", "of", "40", f"-{flips['only_fp32_right']}", f"+{flips['only_int8_right']}", "FAIL"),
    ]
    assert table[4].split() == ["broken", *"-" * 9, "ERROR"]
    assert table[2].startswith("tiny")
    assert table[2].endswith("PASS")
    assert table[5].startswith("CI: 90 %, its two bounds one-sided at 95 %; flips: -right only in fp32, +right only")
    assert table[6].startswith("bad: sanity warning: silent-classes: int8 never answers 3 of 4 classes (0, 1, 2)")
    assert table[7].startswith("skipped: away: zoo.quant.yaml: dataset 'away': the folder nowhere (`root`) does not ")
    assert table[8] == "cases: 1 error, 1 fail, 1 fail (xfailed), 9 pass, 2 skipped"
    assert table[9].endswith(f"{folder / 'report.json'}")
    columns = [line.index("top1") for line in (table[1], table[2])]
    assert columns[0] == columns[1] == table[0].index("metric")


def test_the_markdown_report(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester, "--quant-report", "report.md")
    lines = (folder / "report.md").read_text().splitlines()
    assert lines[0] == "# Accuracy of quantized models"
    header = next(index for index, line in enumerate(lines) if line.startswith("| model"))
    columns = lines[header].count("|")
    rows = lines[header + 2 : header + 6]
    assert [line.split("|")[1].strip() for line in rows] == ["bad", "tiny", "away", "broken"]
    assert all(line.count("|") == columns for line in [lines[header + 1], *rows])
    metric = run.metric("bad")
    assert rows[0].startswith(f"| bad | colours | top1 | {metric['fp32']:.2f} | {metric['int8']:.2f} | ")
    assert rows[0].endswith(" FAIL |")
    not_passed = lines[lines.index("## Cases that did not pass") + 1 :]
    assert re.findall(rf"`({ZOO}::[^`]+)`", "\n".join(not_passed)) == [
        f"{ZOO}::away::sanity",
        f"{ZOO}::away::top1",
        f"{ZOO}::bad::floor[top1]",
        f"{ZOO}::bad::top1",
        f"{ZOO}::broken::config",
    ]
    failed = next(line for line in not_passed if "::bad::top1" in line)
    assert failed.endswith(f"FAIL (failed): {run.cases['bad::top1']['reason']}")
    assert "<br>" in next(line for line in not_passed if "::broken::config" in line)
    assert any(line.startswith("- ncnn ") for line in lines)


def test_a_subset_is_starred_in_markdown(pytester: pytest.Pytester, folder: Path) -> None:
    run_quant(pytester, "--quant-samples", "30", "--quant-report", "report.md")
    text = (folder / "report.md").read_text()
    assert "| 30 of 40 \\* |" in text
    assert "n < N: a seeded random subset" in text


def test_a_report_that_cannot_be_written_fails_the_run(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 12)
    tiny.write_zoo(pytester.path)
    (pytester.path / "file").write_text("in the way")
    run = run_plain(pytester, "--quant", "--quant-report", "file/report.json", "--quant-report", "fine.md")
    assert f"--quant-report: {pytester.path / 'file/report.json'} cannot be written: " in run.text
    assert "3 passed" in run.text
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert (pytester.path / "fine.md").exists()
    assert "Traceback" not in run.text + run.errors


def test_no_summary_is_printed_for_a_run_without_accuracy_cases(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_other="def test_other(): pass")
    run = run_quant(pytester)
    assert "accuracy of quantized models" not in run.text
    assert run.report is None
    assert run.status == pytest.ExitCode.OK
