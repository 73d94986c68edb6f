"""``--quant-baseline`` and the further nets of a model: each has an entry and cases of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import tiny, tiny_onnx
from tests.integration.runs import Run, run_quant
from tests.integration.test_nets import WORKERS, same_report, write_with_nets

FILE = "baseline.json"
BASELINE = ("--quant-baseline", FILE)
UPDATE = (*BASELINE, "--quant-update-baseline")
CASES = ("onnx_int8.top1", "onnx_int8.sqnr_db", "again.top1", "again.agreement")


def write_two_nets(folder: Path) -> None:
    """`onnx_int8` in its long form, and a net of ncnn, each with a metric of its own."""
    nets = {
        "onnx_int8": {"onnxruntime": tiny_onnx.write_qdq(folder), "floor": {"sqnr_db": 1.0}},
        "again": {"param": "again.param", "bin": "again.bin", "floor": {"agreement": 2.0}, "tolerance": {"top1": 9.9}},
    }
    tiny.write_net(folder, "again", int8=True)
    write_with_nets(folder, nets)


def entry(folder: Path) -> dict[str, Any]:
    """What the file has of the model."""
    found: dict[str, Any] = json.loads((folder / FILE).read_text())["models"]["tiny"]
    return found


def change_entry(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / FILE).read_text())
    content["models"]["tiny"].update(changes)
    (folder / FILE).write_text(json.dumps(content))


def of_baseline(run: Run) -> dict[str, str]:
    """Verdicts of the cases of the baseline, without the model's name."""
    return {name.partition("::")[2]: said for name, said in run.verdicts.items() if "baseline[" in name}


@WORKERS
def test_written_and_kept(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    folder = pytester.path
    write_two_nets(folder)
    run = run_quant(pytester, *UPDATE, *workers)
    assert run.report is not None
    found = run.report["models"]["tiny"]["onnx_int8"]["metrics"]["top1"]["int8"]
    assert f"baseline: tiny top1: new: fp32 86.67, onnx_int8 {found:.2f}" in run.text
    nets = entry(folder)["nets"]
    assert set(nets) == {"onnx_int8", "again"}
    assert set(nets["onnx_int8"]["metrics"]) >= {"top1", "sqnr_db"}
    assert set(nets["onnx_int8"]["files"]) == {"onnx_int8"}
    assert set(nets["again"]["files"]) == {"again.param", "again.bin"}
    assert nets["onnx_int8"]["runtime"].startswith("onnxruntime ")
    assert "runtime" not in nets["again"]
    assert "samples" not in nets["again"], "what the model's entry has is not repeated"
    assert "environment" not in nets["again"]
    text = (folder / FILE).read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n", "sorted and reviewable"
    run = run_quant(pytester, *BASELINE, *workers)
    names = [f"baseline[{name}]" for name in ("top1", "agreement", *CASES)]
    assert of_baseline(run) == dict.fromkeys(names, "pass")
    assert "better than the baseline" not in str(run.cases), "the same values, to the digits that the file has"
    assert run.status == 0
    assert (folder / FILE).read_text() == text, "only an update writes"


def test_broken_by_a_worse_net(pytester: pytest.Pytester) -> None:
    """In every report, and the other net and int8 keep theirs."""
    folder = pytester.path
    write_two_nets(folder)
    run_quant(pytester, *UPDATE, cached=True)
    tiny.write_net(folder, "again", int8=True, bottom_scale=tiny.BAD_SCALE)
    run = same_report(pytester, *BASELINE, "--quant-report", "report.md", "--quant-report", "report.html")
    broken = {"baseline[again.top1]", "baseline[again.agreement]"}
    assert {name for name, said in of_baseline(run).items() if said != "pass"} == broken
    case = run.cases["tiny::baseline[again.top1]"]
    assert (case["verdict"], case["outcome"], case["kind"], case["net"]) == ("fail", "failed", "baseline", "again")
    before = entry(folder)["nets"]["again"]["metrics"]["top1"]["int8"]
    assert case["limit"] == pytest.approx(before)
    assert case["reason"].startswith(f"baseline - again = {before:.2f} - {case['value']:.2f} = ")
    row = next(line for line in run.text.splitlines() if line.startswith("tiny again      colours  agreement"))
    assert row.endswith("  FAIL (baseline)")
    for report in ("report.md", "report.html"):
        assert "baseline[again.top1]" in (folder / report).read_text()
    kept = run_quant(pytester, *BASELINE, cached=True).cases["tiny::baseline[again.top1]"]
    assert "right only in the baseline" in kept["reason"], "its predictions are still in the cache"


@WORKERS
def test_a_file_from_before_nets_had_entries(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """It means for int8 what it meant; a net says that it has no entry, and an update gives it one."""
    folder = pytester.path
    write_two_nets(folder)
    run_quant(pytester, *UPDATE)
    content = json.loads((folder / FILE).read_text())
    of_nets = content["models"]["tiny"].pop("nets")
    (folder / FILE).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    run = run_quant(pytester, *BASELINE, *workers, "-rs")
    of_int8 = {"baseline[top1]": "pass", "baseline[agreement]": "pass"}
    assert of_baseline(run) == {**of_int8, **{f"baseline[{name}]": "skipped" for name in CASES}}
    assert run.status == 0
    said = f"{FILE} has no entry for tiny again; write one with pytest --quant --quant-baseline {FILE}"
    assert run.cases["tiny::baseline[again.top1]"]["reason"].startswith(said)
    assert said in run.text
    strict = run_quant(pytester, *BASELINE, "--quant-strict", *workers)
    assert strict.cases["tiny::baseline[again.top1]"]["outcome"] == "failed"
    run_quant(pytester, *UPDATE, *workers)
    assert entry(folder)["nets"] == of_nets


def test_no_file_at_all(pytester: pytest.Pytester) -> None:
    write_two_nets(pytester.path)
    run = run_quant(pytester, *BASELINE)
    assert set(of_baseline(run).values()) == {"skipped"}
    reason = run.cases["tiny::baseline[again.top1]"]["reason"]
    said = f"{FILE} does not exist: nothing is known of tiny; write one with "
    assert reason.startswith(said)
    assert run.text.count(said) == 1, "it is told once"


def test_an_update_leaves_nets_alone_that_it_did_not_measure(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    write_two_nets(folder)
    run_quant(pytester, *UPDATE)
    before = entry(folder)["nets"]
    tiny.write_net(folder, "again", int8=True, bottom_scale=tiny.BAD_SCALE)
    tiny_onnx.write_qdq(folder, scale=1 / 4000)
    run = run_quant(pytester, *UPDATE, "-k", "again")
    assert "baseline: tiny top1: again " in run.text
    after = entry(folder)["nets"]
    assert after["onnx_int8"] == before["onnx_int8"]
    assert after["again"]["metrics"] != before["again"]["metrics"]
    assert run_quant(pytester, *BASELINE).verdicts["tiny::baseline[again.top1]"] == "pass"


def test_what_differs_from_when_it_was_written(pytester: pytest.Pytester) -> None:
    """The runtime of the net, the machine, and the samples."""
    folder = pytester.path
    write_two_nets(folder)
    run_quant(pytester, *UPDATE)
    nets = entry(folder)["nets"]
    environment = {**entry(folder)["environment"], "isa": ["neon"]}
    nets["onnx_int8"] |= {"runtime": "onnxruntime 1.2.3", "environment": environment}
    nets["again"]["samples"] = {"evaluated": 3, "total": 60, "seed": 0, "sha256": "0"}
    change_entry(folder, nets=nets)
    run = run_quant(pytester, *BASELINE)
    case = run.cases["tiny::baseline[onnx_int8.top1]"]
    assert case["verdict"] == "pass"
    assert "; the baseline was measured with onnxruntime 1.2.3, this is onnxruntime " in case["reason"]
    assert "measured on neon" in case["reason"]
    assert "measured on neon" not in run.cases["tiny::baseline[top1]"]["reason"]
    case = run.cases["tiny::baseline[again.top1]"]
    assert case["verdict"] == "skipped"
    assert f"{FILE}: tiny again was measured on other samples (3 of 60, seed 0) than now (60 of 60" in case["reason"]


def test_xfail_can_name_the_case(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    write_two_nets(folder)
    run_quant(pytester, *UPDATE)
    net = {"param": "again.param", "bin": "again.bin", "tolerance": {"top1": 9.9}}
    excused = {"again[top1]": "known", "baseline[again.top1]": "known"}
    write_with_nets(folder, {"again": net}, xfail=excused)
    tiny.write_net(folder, "again", int8=True, bottom_scale=tiny.BAD_SCALE)
    run = run_quant(pytester, *BASELINE)
    assert run.verdicts["tiny::baseline[again.top1]"] == "fail xfailed"
    assert run.status == 0


def test_the_short_key_has_one(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    tiny.write_images(folder)
    tiny_onnx.write_qdq(folder)
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, onnx_int8="tiny-qdq.onnx")})
    run_quant(pytester, *UPDATE)
    first = run_quant(pytester, *BASELINE)
    assert first.verdicts["tiny::baseline[onnx_int8.top1]"] == "pass"
    tiny_onnx.write_qdq(folder, scale=1 / 4000)
    worse = run_quant(pytester, *BASELINE)
    assert worse.verdicts["tiny::baseline[onnx_int8.top1]"] == "fail"
