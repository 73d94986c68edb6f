"""``size`` and ``speedup`` through whole runs."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests import tiny
from tests.integration.runs import run_quant


@pytest.fixture(autouse=True)
def images(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_QUANT_TARGET_CACHE", str(pytester.path / "kept"))
    tiny.write_images(pytester.path, count=40)


def test_a_whole_run(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(
        pytester.path, {"tiny": tiny.model_entry(pytester.path, size=0.001, speedup=0.001, tolerance={"top1": 5.0})}
    )
    run = run_quant(pytester, "--quant-report", "report.md", "--quant-report", "report.html")
    assert (run.verdicts["tiny::size"], run.verdicts["tiny::speedup"]) == ("fail", "pass")
    assert run.status == 1
    size, speedup = run.cases["tiny::size"], run.cases["tiny::speedup"]
    assert (size["kind"], size["limit"], speedup["kind"], speedup["limit"]) == ("size", 0.001, "speedup", 0.001)
    assert speedup["value"] > 0.001
    for words in ("ms = ", "90% CI", "turns on 16 samples", ">= 0.00; ncnn 1.", "1 thread"):
        assert words in speedup["reason"]
    markdown, html = ((pytester.path / f"report.{kind}").read_text() for kind in ("md", "html"))
    for text in (run.text, markdown, html):
        assert "FAIL (size)" in text
    assert "int8 files" in run.text
    assert "int8 files" in markdown
    assert "int8 files" in html


def test_they_are_limit_enough_for_an_entry(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, size=1.0, speedup=999, tolerance=None)})
    run = run_quant(pytester)
    assert run.verdicts["tiny::speedup"] == "fail"
    assert "tiny::top1" not in run.verdicts


def test_times_are_taken_anew_in_every_run(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, speedup=0.01)})
    reasons = {run_quant(pytester, "--quant-cache", "cache").cases["tiny::speedup"]["reason"] for _ in range(5)}
    assert len(reasons) > 1  # two runs in a row may agree in all digits that are shown


def test_it_is_measured_on_the_target(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, speedup=0.001)})
    spec = f"popen//python={sys.executable}"
    for nets in ("all", "int8"):
        run = run_quant(pytester, "--quant-target", spec, "--quant-target-nets", nets)
        assert run.verdicts["tiny::speedup"] == "pass"
        assert " on x86_64 (" in run.cases["tiny::speedup"]["reason"].replace("aarch64", "x86_64")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 30}, "size: found 30 (int), expected a share"),
        ({"speedup": "fast"}, "speedup: found 'fast' (str), expected how"),
    ],
)
def test_a_mistake_is_told_with_its_place(pytester: pytest.Pytester, changes: dict[str, Any], message: str) -> None:
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, **changes)})
    run = run_quant(pytester)
    assert run.status == 1
    assert message in run.cases["tiny::config"]["reason"]
