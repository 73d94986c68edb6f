"""The worked examples of CONTRIBUTING, as they stand there."""

from __future__ import annotations

import csv
import re
from pathlib import Path

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
