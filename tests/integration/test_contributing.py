"""The worked examples of CONTRIBUTING, as they stand there."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import tiny
from tests.integration.runs import run_plain, run_quant

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"


def example(title: str) -> str:
    """The first block of Python below a title."""
    section = PAGE.read_text(encoding="utf-8").partition(f"### {title}\n")[2].partition("\n### ")[0]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None, f"{PAGE.name} has no example below {title!r}"
    return found.group(1)


def test_the_rooms_without_pytest() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## The map\n")[2].partition("\n### ")[0]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    ended = subprocess.run(
        [sys.executable, "-c", found[1]], cwd=PAGE.parent, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"drop = \d+\.\d+ - \d+\.\d+ = .* <= \d+\.\d+\n", ended.stdout), ended.stdout


CHECKED = """
import sys

import one_class
from pytest_quant.judging import sanity

pytest_plugins = ["pytester"]
sys.modules["pytest_quant.judging.sanity.one_class"] = one_class
sanity.CHECKS["one-class"] = "one_class:find_one_class"
"""


@pytest.mark.parametrize("is_written", [False, True], ids=["red", "green"])
def test_the_first_change(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, is_written: bool) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Your first change\n")[2].partition("\n## ")[0]
    test, check = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    monkeypatch.setenv("PYTHONPATH", str(PAGE.parent))
    (pytester.path / "one_class.py").write_text(check)
    pytester.makeconftest(CHECKED if is_written else 'pytest_plugins = ["pytester"]')
    pytester.makepyfile(test_one_class=test)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "test_one_class.py")
    result.assert_outcomes(passed=2 if is_written else 1, failed=0 if is_written else 1)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_a_report_writer(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    tiny.write_images(pytester.path, 12)
    tiny.write_zoo(pytester.path)
    pytester.makeconftest(example("Adding a report writer"))
    run = run_plain(pytester, "--quant", "--quant-report", "table.csv", *workers)
    assert run.status == pytest.ExitCode.OK, run.text
    header, row = csv.reader((pytester.path / "table.csv").read_text(encoding="utf-8").splitlines())
    assert header[:3] == ["model", "net", "metric"]
    assert row[:3] == ["tiny", "int8", "top1"]
    assert row[-1] == "PASS"
    assert float(row[header.index("fp32")]) > 50


LISTED = """
import sys

import flips
from pytest_quant.judging import limits

sys.modules["pytest_quant.judging.limits.flips"] = flips
limits.KINDS["flips"] = "flips:Flips"
"""
"""A plugin that puts the example where its file would be; in a process of its own: the keys of a zoo are made once."""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_a_limit(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    tiny.write_images(pytester.path, 12)
    entries = {
        name: tiny.model_entry(pytester.path, name, tolerance={}, flips=most) for name, most in (("a", 12), ("b", -1))
    }
    entries["c"] = tiny.write_bad_model(pytester.path, "c", flips=0, tolerance={})
    tiny.write_zoo(pytester.path, entries)
    (pytester.path / "flips.py").write_text(example("Adding a limit"))
    (pytester.path / "listed.py").write_text(LISTED)
    reports = ("--quant-report", "r.json", "--quant-report", "r.md")
    args = ("--quant", "-p", "listed", "-p", "no:cacheprovider", *reports, *workers)
    result = pytester.runpytest_subprocess(*args)
    text = result.stdout.str()
    report = json.loads((pytester.path / "r.json").read_text())
    cases = {case["id"].partition("::")[2]: case for case in report["cases"]}
    assert cases["a::flips"]["verdict"] == "pass", text
    assert (cases["a::flips"]["kind"], cases["a::flips"]["limit"]) == ("flips", 12)
    assert cases["c::flips"]["verdict"] == "fail"
    assert "samples changed sides > 0" in cases["c::flips"]["reason"]
    assert "flips: found -1 (int), expected greater than or equal to 0" in cases["b::config"]["reason"]
    result.stdout.fnmatch_lines(["*FAIL: * of 12 samples changed sides > 0*"])
    assert "samples changed sides > 0" in (pytester.path / "r.md").read_text()


def test_a_dataset_format(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 12)
    lines = (pytester.path / "list.txt").read_text().replace(" ", ",")
    (pytester.path / "labels.csv").write_text(lines)
    tiny.write_zoo(pytester.path, datasets={"colours": {"type": "csv-labels", "file": "labels.csv"}})
    pytester.makeconftest(example("Adding a dataset format"))
    run = run_quant(pytester)
    assert run.status == pytest.ExitCode.OK, run.text
    assert run.metric("tiny")["fp32"] > 50
    (pytester.path / "labels.csv").write_text(lines.replace("images/003.png,", "images/003.png,class"))
    assert "labels.csv line 4: found 'class" in run_quant(pytester).text


def test_a_task(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 12)
    entry = tiny.model_entry(pytester.path, task="confidence", tolerance={"confidence": 0.05})
    tiny.write_zoo(pytester.path, {"tiny": entry})
    pytester.makeconftest(example("Adding a task"))
    run = run_quant(pytester)
    assert run.status == pytest.ExitCode.OK, run.text
    found = run.metric("tiny", "confidence")
    assert found["method"].startswith("exact: betting")
    assert 0.3 < found["int8"] < 1


def write_two_layers(folder: Path) -> None:
    """The net of `tests.tiny` without its softmax, as two layers: float, and with int8 weights."""
    both = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)
    weights = np.concatenate([tiny._WEIGHTS, -tiny._WEIGHTS], axis=1)
    b1, b2 = np.zeros(6, np.float32), tiny._BIAS + 10
    np.savez(folder / "net.npz", w1=both, w2=weights, b1=b1, b2=b2)
    scale = np.float32(np.abs(weights).max() / 127)
    np.savez(folder / "int8.npz", w1=both, w2=np.round(weights / scale).astype(np.int8), scale2=scale, b1=b1, b2=b2)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_a_net_format(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    tiny.write_images(pytester.path)
    write_two_layers(pytester.path)
    entry = tiny.model_entry(pytester.path, fp32={"numpy": "net.npz"}, int8={"numpy": "int8.npz"})
    entry["nets"] = {"ncnn": {"param": "tiny-int8.param", "bin": "tiny-int8.bin"}}
    tiny.write_zoo(pytester.path, {"tiny": entry})
    pytester.makeconftest(example("Adding a net format"))
    run = run_quant(pytester, "--quant-report", "report.md", *workers)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass", "tiny::ncnn[top1]": "pass"}
    assert run.cases["tiny::int8"]["reason"] == "quantized layers: Linear 1 of 2"
    assert run.metric("tiny")["fp32"] == pytest.approx(100 * 52 / 60)
    assert run.report is not None
    assert run.report["environment"]["runtimes"]["numpy"] == np.__version__
    assert run.report["models"]["tiny"]["files"]["int8"]["path"] == "int8.npz"
    assert "| tiny | colours | top1 | 86.67 |" in (pytester.path / "report.md").read_text(encoding="utf-8")


def test_a_file_that_a_net_format_refuses(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path)
    write_two_layers(pytester.path)
    entry = tiny.model_entry(pytester.path, fp32={"numpy": "net.npz"}, int8={"numpy": "tiny.param"})
    tiny.write_zoo(pytester.path, {"tiny": entry})
    pytester.makeconftest(example("Adding a net format"))
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    assert "tiny.param: is not a net of two layers" in run.cases["tiny::config"]["reason"]
