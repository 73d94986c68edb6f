"""The case `sanity` through whole runs: terminal, Markdown, JSON, strict runs, `waive`, one process and two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_quant.report.markdown_text import plain
from tests import tiny
from tests.integration.runs import Run, run_quant

REASON = "kept as published"


def shift_labels(folder: Path) -> None:
    """Make every label the next one."""
    lines = [line.split() for line in (folder / "list.txt").read_text().splitlines()]
    shifted = "".join(f"{name} {(int(label) + 1) % tiny.CLASSES}\n" for name, label in lines)
    (folder / "list.txt").write_text(shifted)


def findings(run: Run, model: str = "tiny") -> list[dict[str, Any]]:
    assert run.report is not None
    found: list[dict[str, Any]] = run.report["models"][model]["sanity"]["findings"]
    return found


def test_a_sound_model(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path)
    tiny.write_zoo(pytester.path)
    run = run_quant(pytester, "--quant-strict")
    assert (run.status, run.cases["tiny::sanity"]["verdict"]) == (0, "pass")
    assert run.cases["tiny::sanity"]["reason"] == "nothing found"
    assert findings(run) == []
    assert "sanity" not in run.text.split("accuracy of quantized models")[1]


def test_labels_off_by_one(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path)
    tiny.write_zoo(pytester.path)
    shift_labels(pytester.path)
    run = run_quant(pytester, "--quant-report", "report.md")
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert run.cases["tiny::top1"]["verdict"] == "pass"  # limits keep their own verdicts
    assert run.cases["tiny::sanity"]["verdict"] == "fail"
    (found,) = findings(run)
    assert (found["check"], found["severity"]) == ("guessing", "error")
    line = f"sanity error: guessing: {found['found']}: {found['advice']}"
    assert f"tiny: {line}" in run.text
    assert f"- tiny: {plain(line)}" in (pytester.path / "report.md").read_text()
    assert "FAIL: 1 error: guessing: fp32 is right on" in run.text


def test_a_finding_that_is_waived_is_a_note(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path)
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, waive={"guessing": REASON})})
    shift_labels(pytester.path)
    run = run_quant(pytester, "--quant-strict")
    assert (run.status, run.cases["tiny::sanity"]["verdict"]) == (0, "pass")
    assert findings(run)[0]["waived"] == REASON
    assert f"tiny: sanity note: guessing (waived: {REASON}): fp32 is right on" in run.text


def test_a_dataset_may_waive_for_all_of_its_models(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path)
    dataset = {"type": "image-list", "root": ".", "list": "list.txt", "waive": {"guessing": REASON}}
    tiny.write_zoo(pytester.path, datasets={"colours": dataset})
    shift_labels(pytester.path)
    run = run_quant(pytester)
    assert (run.status, findings(run)[0]["waived"]) == (0, REASON)


@pytest.mark.parametrize(
    ("waive", "message"),
    [
        (
            {"gessing": REASON},
            "models.tiny.waive.gessing: no check has that name. Did you mean `guessing`? The checks: ",
        ),
        ({"guessing": " "}, "models.tiny.waive.guessing: found no reason, expected why what is found may stand"),
        ("guessing", "models.tiny.waive: found 'guessing' (str), expected keys and values"),
    ],
)
def test_what_cannot_be_waived(pytester: pytest.Pytester, waive: object, message: str) -> None:
    tiny.write_images(pytester.path, 8)
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, waive=waive)})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    assert message in run.cases["tiny::config"]["reason"]


@pytest.mark.parametrize("waive", [{"gessing": REASON}, "guessing"])
def test_what_a_dataset_cannot_waive(pytester: pytest.Pytester, waive: object) -> None:
    tiny.write_images(pytester.path, 8)
    dataset = {"type": "image-list", "root": ".", "list": "list.txt", "waive": waive}
    tiny.write_zoo(pytester.path, datasets={"colours": dataset})
    run = run_quant(pytester)
    assert "datasets.colours.waive" in run.cases["zoo"]["reason"]


def test_without_its_dataset_it_is_skipped_like_the_others(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path, datasets={"colours": {"type": "image-list", "root": "absent", "list": "list.txt"}})
    run = run_quant(pytester)
    assert run.cases["tiny::sanity"]["verdict"] == "skipped"
    assert run.cases["tiny::sanity"]["reason"] == run.cases["tiny::top1"]["reason"]


def test_two_processes_tell_the_same(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path)
    tiny.write_zoo(pytester.path, {name: tiny.model_entry(pytester.path, name) for name in ("one", "two", "three")})
    shift_labels(pytester.path)
    serial, parallel = run_quant(pytester), run_quant(pytester, "-n", "2")
    for name in ("one", "two", "three"):
        assert findings(serial, name) == findings(parallel, name)
        assert len(findings(serial, name)) == 1
