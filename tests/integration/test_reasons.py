"""Why a row reads as it does, and why something did not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiny
from tests.integration.runs import run_quant

IMAGES = 40

TESTS = """
from pytest_quant import quant_model, quant_tolerance

@quant_model("tiny")
@quant_tolerance(top1=5.0)
def test_of_ours(quant_scores): assert quant_scores.int8.top1 > 1000
"""


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path, IMAGES)
    return pytester.path


def row(text: str, model: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"{model} "))


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_a_skip_says_why_once_below_the_table(
    pytester: pytest.Pytester, folder: Path, workers: tuple[str, ...]
) -> None:
    datasets = {
        "colours": {"type": "image-list", "root": ".", "list": "list.txt"},
        "away": {"type": "image-list", "root": "models/../data/../away", "list": "list.txt"},
    }
    away = [tiny.model_entry(folder, name, dataset="away", floor={"top1": 5.0}) for name in ("one", "two")]
    models = {"tiny": tiny.model_entry(folder), "one": away[0], "two": away[1]}
    tiny.write_zoo(folder, models, datasets=datasets)
    run = run_quant(pytester, *workers)
    reason = run.cases["one::top1"]["reason"]
    below = run.text.partition("CI of drop")[2]
    (line,) = [line for line in below.splitlines() if line.startswith("skipped: ")]
    assert line == f"skipped: one, two: {reason}"
    assert "the folder away (`root`) does not exist" in reason
    assert ".." not in reason


def test_a_folder_without_its_list_is_an_error(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, datasets={"colours": {"type": "image-list", "root": ".", "list": "lst.txt"}})
    run = run_quant(pytester)
    assert run.status == 1
    assert run.verdicts["tiny::top1"] == "error"
    assert "(`root`) is there, but not its `list` lst.txt" in run.cases["tiny::top1"]["reason"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_an_assertion_of_a_test_says_nothing_about_the_model(
    pytester: pytest.Pytester, folder: Path, workers: tuple[str, ...]
) -> None:
    tiny.write_zoo(folder)
    (folder / "test_it.py").write_text(TESTS)
    run = run_quant(pytester, *workers)
    assert run.status == 1
    assert run.cases["test_it.py::test_of_ours[tiny]"]["outcome"] == "failed"
    reason = run.cases["test_it.py::test_of_ours[tiny]"]["reason"]
    assert reason.startswith("the test failed before its limit was decided: ")
    assert row(run.text, "tiny").endswith(" PASS")
    alone = run_quant(pytester, *workers, "test_it.py")
    assert row(alone.text, "tiny").endswith(" NOT DECIDED")
    assert "1 not decided" in alone.text


def test_the_verdict_names_the_case_that_made_it(pytester: pytest.Pytester, folder: Path) -> None:
    floor = tiny.model_entry(folder, "floor", floor={"top1": 99.9})
    both = tiny.write_bad_model(folder, "both", floor={"top1": 99.9})
    tiny.write_zoo(folder, {"floor": floor, "both": both})
    run = run_quant(pytester, "--quant-report", "report.md")
    assert row(run.text, "floor").endswith(" FAIL (floor)")
    assert "FAIL (floor) |" in (folder / "report.md").read_text()
    assert " FAIL" in row(run.text, "both")
