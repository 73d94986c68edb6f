"""``--quant-rescue``: a model whose drop is too large is repaired on samples that it is not judged on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_quant.cli.main import main
from tests import tiny
from tests.integration.runs import ZOO, Run, run_quant
from tests.integration.test_reports import same

EVERYWHERE = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
BY_IMAGES = {"images": "other/images"}
BY_LABELS = {"dataset": "others"}


def write_project(root: Path, rescue: dict[str, Any] | None, **changes: Any) -> None:
    """A model with a wrong activation scale, 60 images to judge it on and 40 others."""
    tiny.write_images(root, 60)
    tiny.write_images(root / "other", 40, seed=3)
    datasets = {
        "colours": {"type": "image-list", "root": ".", "list": "list.txt"},
        "others": {"type": "image-list", "root": "other", "list": "list.txt"},
    }
    entry = tiny.write_bad_model(root, rescue=rescue, **changes)
    tiny.write_zoo(root, {"bad": entry}, datasets=datasets)


def repair(run: Run) -> dict[str, Any]:
    assert run.report is not None
    found: dict[str, Any] = run.report["models"]["bad"]["rescue"]
    return found


@EVERYWHERE
@pytest.mark.parametrize("rescue", [BY_IMAGES, BY_LABELS], ids=["images", "labels"])
def test_a_repair_is_written_beside_the_report(
    pytester: pytest.Pytester, workers: tuple[str, ...], rescue: dict[str, Any]
) -> None:
    root = pytester.path
    write_project(root, rescue)
    run = run_quant(pytester, *workers, "--quant-rescue", "--quant-report", "report.md")
    assert run.verdicts == {"bad::top1": "fail", "bad::int8": "pass"}
    found = repair(run)
    assert found["found"] is True
    assert found["keep_float"] == []
    assert found["labelled"] is (rescue is BY_LABELS)
    assert found["samples"] == 40
    assert found["evaluation"]["top1"]["verdict"] == "pass"
    assert found["evaluation"]["top1"]["drop"] <= 5.0
    assert found["files"] == {
        "param": "quant-rescue/bad-int8.param",
        "bin": "quant-rescue/bad-int8.bin",
        "table": "quant-rescue/bad.table",
    }
    assert "  evaluated once, top1: PASS: drop = " in run.text
    assert run.text.count("rescue: ") == 1
    assert "- bad: rescue: " in (root / "report.md").read_text()
    # What was written is what a user names next, and it does what was said.
    zoo = yaml.safe_load((root / ZOO).read_text())
    zoo["models"]["bad"]["int8"] = found["files"]
    (root / ZOO).write_text(yaml.safe_dump(zoo))
    again = run_quant(pytester)
    assert again.verdicts == {"bad::top1": "pass", "bad::int8": "pass", "bad::table": "pass"}
    assert again.metric("bad")["drop"] == found["evaluation"]["top1"]["drop"]


def test_serial_and_parallel_runs_say_the_same(pytester: pytest.Pytester) -> None:
    write_project(pytester.path, BY_LABELS)
    serial, parallel = (run_quant(pytester, *workers, "--quant-rescue") for workers in ((), ("-n", "2")))
    assert serial.report is not None
    assert parallel.report is not None
    assert same(serial.report) == same(parallel.report)


def test_an_excused_model_is_told_below_the_table(pytester: pytest.Pytester) -> None:
    write_project(pytester.path, BY_LABELS, xfail={"top1": "known"})
    run = run_quant(pytester, "--quant-rescue")
    assert run.verdicts["bad::top1"] == "fail xfailed"
    assert "\nbad: rescue: " in run.text
    assert run.status == 0


def test_without_the_option_nothing_is_tried(pytester: pytest.Pytester) -> None:
    write_project(pytester.path, BY_LABELS)
    run = run_quant(pytester)
    assert run.report is not None
    assert "rescue" not in run.report["models"]["bad"]
    assert not (pytester.path / "quant-rescue").exists()


def test_a_model_that_holds_its_limits_is_left_alone(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 20)
    tiny.write_zoo(pytester.path)
    run = run_quant(pytester, "--quant-rescue")
    assert run.status == 0
    assert "rescue" not in run.text


def test_samples_that_are_evaluated_are_left_out(pytester: pytest.Pytester) -> None:
    write_project(pytester.path, BY_IMAGES)
    shutil.copy(pytester.path / "images/000.png", pytester.path / "other/images/copy.png")
    found = repair(run_quant(pytester, "--quant-rescue"))
    assert found["also_evaluated"] == ["copy.png"]
    assert found["samples"] == 40


@pytest.mark.parametrize(
    ("rescue", "reason"),
    [
        (None, "bad names nothing to search on: give its entry `rescue: {images: FOLDER}`"),
        ({"images": "images"}, "all 60 samples to search on are evaluation samples of bad"),
        ({"images": "nowhere"}, "nowhere does not exist"),
        ({"images": "${NO_SUCH_FOLDER}/images"}, "the environment variable NO_SUCH_FOLDER is not set"),
    ],
)
def test_a_rescue_that_cannot_be_tried_says_why(
    pytester: pytest.Pytester, rescue: dict[str, Any] | None, reason: str
) -> None:
    write_project(pytester.path, rescue)
    run = run_quant(pytester, "--quant-rescue")
    assert run.verdicts["bad::top1"] == "fail"
    assert f"rescue: not tried: {repair(run)['error']}" in run.text
    assert reason in repair(run)["error"]


@pytest.mark.parametrize(
    ("rescue", "message"),
    [
        ({}, "models.bad.rescue: expected either `images`"),
        ({"images": "a", "dataset": "others"}, "models.bad.rescue: expected either `images`"),
        ({"dataset": "colours"}, "found 'colours', on which the model is evaluated"),
        ({"dataset": "elsewhere"}, "found 'elsewhere', which `datasets` does not declare"),
        ({"image": "a"}, "Did you mean `images`?"),
    ],
)
def test_mistakes_are_told_with_their_place(pytester: pytest.Pytester, rescue: dict[str, Any], message: str) -> None:
    write_project(pytester.path, rescue)
    run = run_quant(pytester)
    assert run.verdicts == {"bad::config": "error"}
    assert message in run.cases["bad::config"]["reason"]
    assert f"{ZOO}:" in run.cases["bad::config"]["reason"]


def test_the_command_line_does_the_same(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = pytester.path
    write_project(root, None)
    monkeypatch.chdir(root)
    assert main(["rescue", "--zoo", ZOO, "--dataset", "others", "--out", "repaired"]) == 0
    said = capsys.readouterr().out
    assert "searched on 40 labelled samples" in said
    assert "written: repaired/bad-int8.param, repaired/bad-int8.bin and repaired/bad.table" in said or (
        "written: repaired/bad-int8.param, repaired/bad-int8.bin, repaired/bad.table" in said
    )
    assert (root / "repaired/bad.table").read_text().startswith("conv_param_0 ")
    (root / "images" / "000.png").write_bytes(b"")
    assert main(["rescue", "--zoo", ZOO, "--dataset", "others", "--out", "repaired"]) == 2
    told = capsys.readouterr().err
    assert "measuring the repaired net, repaired/bad-int8.param, on the evaluation set\n" in told  # it is whole
    assert "(images/000.png) is empty" in told
    assert main(["rescue", "--zoo", ZOO, "--dataset", "colours"]) == 2
    assert "a repair chosen on it proves nothing" in capsys.readouterr().err
    assert main(["rescue", "--zoo", ZOO]) == 2


def test_a_repair_that_misses_its_tolerance_is_told_as_such(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the search samples int8 is no worse; on the evaluation set no drop at all is allowed, and there is one."""
    root = pytester.path
    write_project(root, None, tolerance={"top1": 0.0})
    for shade in range(8):
        tiny.write_flat_image(root / "easy" / f"{shade}.png", (255, 10 * shade, 0))
    monkeypatch.chdir(root)
    assert main(["rescue", "--zoo", ZOO, "--images", "easy"]) == 1
    said = capsys.readouterr().out
    assert "which misses its tolerance on the evaluation set all the same" in said
    assert "evaluated once, top1: FAIL: drop = " in said


def test_samples_that_cannot_tell_a_tolerance_are_refused(pytester: pytest.Pytester) -> None:
    write_project(pytester.path, {**BY_IMAGES, "samples": 10})
    error = repair(run_quant(pytester, "--quant-rescue"))["error"]
    assert "10 samples to search on cannot tell a tolerance of 5.00 points of top1" in error
    assert "give 20 or more" in error


def test_a_folder_that_cannot_be_written_is_told_before_the_search(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = pytester.path
    write_project(root, BY_LABELS)
    (root / "quant-rescue").write_text("in the way")
    run = run_quant(pytester, "--quant-rescue")
    assert "FAIL: drop = " in run.text
    assert "is not a folder" in repair(run)["error"]
    monkeypatch.chdir(root)
    assert main(["rescue", "--zoo", ZOO, "--out", "quant-rescue"]) == 2
    said = capsys.readouterr().err
    assert "is not a folder" in said
    assert "calibrating" not in said


def test_where_there_is_no_repair_the_exit_status_says_so(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No drop at all is allowed, and int8 cannot tell 127 from 128, nor 250 from 255 where it clips to do so."""
    root = pytester.path
    write_project(root, None, tolerance={"top1": 0.0})
    for dark in range(60):
        tiny.write_flat_image(root / "near" / f"{dark:02d}.png", (127, 128, dark))
        tiny.write_flat_image(root / "near" / f"{dark:02d}-bright.png", (250, 255, dark))
    monkeypatch.chdir(root)
    assert main(["rescue", "--zoo", ZOO, "--images", "near"]) == 1
    said = capsys.readouterr().out
    assert "rescue: no set of float layers was found" in said
    assert "  the nearest: " in said
    assert "decided by the loss against the fp32 outputs" in said
    assert not (root / "quant-rescue").exists()
