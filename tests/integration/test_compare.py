"""``pytest-quant compare`` on the reports of whole runs, and what an update of the baseline says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_quant.cli.main import main
from tests import tiny
from tests.integration.runs import Run, run_quant

COUNT = 200


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = pytester.path
    monkeypatch.chdir(root)
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=COUNT)
    tiny.write_zoo(root, {"tiny": tiny.model_entry(root), "other": tiny.model_entry(root, "other")})
    return root


def run(pytester: pytest.Pytester, name: str, *args: str) -> Run:
    found = run_quant(pytester, *args, cached=True)
    shutil.copy(pytester.path / "report.json", pytester.path / name)
    return found


def make_worse(project: Path) -> None:
    tiny.write_net(project, "tiny-int8", int8=True, bottom_scale=tiny.BAD_SCALE)


def compare(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    capsys.readouterr()
    status = main(["compare", "old.json", "new.json", *args])
    return status, capsys.readouterr().out


def test_a_net_that_got_worse_is_compared_sample_by_sample(
    pytester: pytest.Pytester, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = run(pytester, "old.json")
    make_worse(project)
    new = run(pytester, "new.json", "-n", "2")
    status, text = compare(capsys)
    assert status == 1
    before, after = (one.metric("tiny")["int8"] for one in (old, new))
    (row,) = [line for line in text.splitlines() if line.startswith("tiny ")]
    assert f"{before:.2f} -> {after:.2f}" in row
    assert row.endswith("worse  PASS -> FAIL")
    assert f"tiny top1: 90% CI of the same {COUNT} samples, paired: right only before" in text
    assert "tiny: other files: int8.bin" in text
    assert "zoo.quant.yaml::tiny::top1: PASS -> FAIL" in text
    assert "1 rows changed, 1 of them for the worse; 1 the same; 1 verdicts turned bad" in text
    assert compare(capsys, "--fail-on", "never")[0] == 0
    status, text = compare(capsys, "--markdown")
    assert status == 1
    assert "| tiny | top1 |" in text
    assert "* tiny: other files: int8.bin" in text
    assert main(["compare", "new.json", "old.json"]) == 0  # better
    assert "better" in capsys.readouterr().out


def test_without_the_cache_the_intervals_decide(
    pytester: pytest.Pytester, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(pytester, "old.json")
    make_worse(project)
    run(pytester, "new.json")
    shutil.rmtree(project / ".pytest_cache" / "d" / "quant" / "predictions")
    status, text = compare(capsys)
    assert status == 1
    assert "change of the drop, from both intervals, as of independent samples" in text
    assert "(the cache does not have the predictions of both any more)" in text


def test_other_samples_are_no_pairs(
    pytester: pytest.Pytester, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(pytester, "old.json", "--quant-samples", "150", "--quant-inconclusive", "pass")
    run(pytester, "new.json", "--quant-samples", "150", "--quant-seed", "1", "--quant-inconclusive", "pass")
    status, text = compare(capsys)
    assert status == 0
    assert "other samples: 150 of 200, seed 0 -> 150 of 200, seed 1" in text
    assert "worse" not in text.replace("worse by", "").replace("for the worse", "")


def test_the_same_report(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    run(pytester, "old.json")
    run(pytester, "new.json", "-n", "2")
    assert compare(capsys, "--fail-on", "changed") == (
        0,
        "0 rows changed, 0 of them for the worse; 2 the same; 0 verdicts turned bad\n",
    )


def test_models_and_the_machine(pytester: pytest.Pytester, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(pytester, "old.json")
    tiny.write_zoo(project, {"tiny": tiny.model_entry(project, require={"seed": 0})})
    run(pytester, "new.json")
    content = json.loads((project / "new.json").read_text())
    content["environment"]["runtimes"]["ncnn"] = "9.9"
    content["models"]["tiny"]["conditions"]["crop"] = 224
    (project / "new.json").write_text(json.dumps(content))
    status, text = compare(capsys)
    assert status == 0
    assert "model other" in text.partition("removed:")[2]
    assert "case zoo.quant.yaml::tiny::require[seed]" in text.partition("added:")[2].partition("removed:")[0]
    assert "-> 9.9" in text
    assert "tiny: crop: None -> 224" in text
    assert compare(capsys, "--fail-on", "changed")[0] == 1


def test_a_file_that_is_no_report(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "old.json").write_text("{}")
    assert main(["compare", "old.json", "new.json"]) == 2
    assert "is not a report of pytest-quant" in capsys.readouterr().err


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "parallel"])
def test_an_update_of_the_baseline_says_what_it_changed(
    pytester: pytest.Pytester, project: Path, workers: tuple[str, ...]
) -> None:
    update = ("--quant-baseline", "baseline.json", "--quant-update-baseline", *workers)
    first = run(pytester, "old.json", *update)
    assert f"baseline: tiny top1: new: fp32 {first.metric('tiny')['fp32']:.2f}" in first.text
    assert "baseline: nothing changed" in run(pytester, "old.json", *update).text
    make_worse(project)
    second = run(pytester, "new.json", *update)
    before, after = (one.metric("tiny")["int8"] for one in (first, second))
    assert f"baseline: tiny top1: int8 {before:.2f} -> {after:.2f}" in second.text
    assert "baseline: other" not in second.text
