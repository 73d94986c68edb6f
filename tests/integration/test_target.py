"""``--quant-target`` and ``nets: {NAME: {target: ...}}``: nets that run on another machine, here a second Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.nets.remote import connection, far_side, target
from pytest_quant.nets.remote.remote_net import RemoteRunner, RemoteSetup
from pytest_quant.nets.remote.target import Target
from tests import tiny, tiny_onnx

from .runs import Run, run_quant

SPEC = f"popen//python={sys.executable}"
assert connection
assert target  # imported here, so that an inner run does not import them anew


@pytest.fixture(autouse=True)
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images in the tester's folder, and a folder of their own for the files that the target keeps."""
    monkeypatch.setenv("PYTEST_QUANT_TARGET_CACHE", str(pytester.path / "kept"))
    tiny.write_images(pytester.path, count=40)
    return pytester.path


def comparable(run: Run) -> dict[str, Any]:
    """The report without what differs from run to run, and without the conditions that name a target."""
    assert run.report is not None, run.text
    report = run.report
    for model in report["models"].values():
        model.pop("timing")
        model.pop("runtimes")  # name the target, too
        model.pop("predictions")  # are kept under what names the target, too
        for net in (model.get("nets") or {}).values():
            net.pop("timing")
        model["conditions"] = {name: value for name, value in model["conditions"].items() if "target" not in name}
    for case in report["cases"]:
        case.pop("seconds")
    report["environment"].pop("started")
    report["environment"].pop("options")
    return report


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "parallel"])
def test_a_run_on_a_target_gives_the_report_of_one_here(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    tiny.write_zoo(pytester.path)
    here = run_quant(pytester)
    there = run_quant(pytester, "--quant-target", SPEC, *workers)
    assert there.status == 0
    assert there.report is not None
    conditions = there.report["models"]["tiny"]["conditions"]
    assert conditions["int8_target"] == conditions["fp32_target"]
    assert "ncnn 1." in conditions["int8_target"]
    assert conditions["int8_target"].endswith(", 1 thread")
    assert " on " in there.report["models"]["tiny"]["runtimes"]["int8"]
    assert comparable(there) == comparable(here)


def test_fp32_can_stay_here(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path)
    pytester.makeini(f"[pytest]\nquant_target = {SPEC}\nquant_target_nets = int8")
    run = run_quant(pytester, "--quant-report", "report.md")
    assert run.status == 0
    assert run.report is not None
    assert "fp32_target" not in run.report["models"]["tiny"]["conditions"]
    assert "int8_target" in run.report["models"]["tiny"]["conditions"]
    assert "| tiny | colours | top1 |" in (pytester.path / "report.md").read_text()


def test_a_further_net_names_its_own_target(pytester: pytest.Pytester) -> None:
    entry = tiny.model_entry(pytester.path)
    entry["nets"] = {"int8_there": {**entry["int8"], "target": SPEC}}
    tiny.write_zoo(pytester.path, {"tiny": entry})
    run = run_quant(pytester)
    assert run.verdicts["tiny::int8_there[top1]"] == "pass"
    assert run.report is not None
    model = run.report["models"]["tiny"]
    assert model["nets"]["int8_there"]["metrics"]["top1"]["int8"] == model["metrics"]["top1"]["int8"]
    assert model["nets"]["int8_there"]["runtime"].startswith("ncnn 1.")
    assert " on " in model["nets"]["int8_there"]["runtime"]
    assert model["nets"]["int8_there"]["runtime"].endswith("), 1 thread")
    assert "tiny int8_there" in run.text


def test_one_table_with_fp32_here_int8_here_and_int8_there(pytester: pytest.Pytester) -> None:
    """Flips, agreement and the noise of raw outputs of a net that names its own target."""
    entry = tiny.model_entry(pytester.path, floor={"agreement": 80.0, "sqnr_db": 1.0})
    entry["nets"] = {"int8_pi": {**entry["int8"], "target": SPEC, "floor": {"agreement": 80.0, "sqnr_db": 1.0}}}
    tiny.write_zoo(pytester.path, {"tiny": entry})
    run = run_quant(pytester, "--quant-report", "report.md", "--quant-report", "report.html")
    for case in ("top1", "floor[agreement]", "floor[sqnr_db]"):
        assert run.verdicts[f"tiny::{case}"] == "pass"
    for case in ("int8_pi[top1]", "floor[int8_pi.agreement]", "floor[int8_pi.sqnr_db]"):
        assert run.verdicts[f"tiny::{case}"] == "pass", run.text
    assert run.report is not None
    model = run.report["models"]["tiny"]
    there = model["nets"]["int8_pi"]
    assert there["flips"] == model["flips"]
    for metric in ("top1", "agreement"):
        assert there["metrics"][metric]["int8"] == model["metrics"][metric]["int8"]
    noise = [run.cases[f"tiny::floor[{name}]"]["value"] for name in ("sqnr_db", "int8_pi.sqnr_db")]
    assert noise[0] == noise[1]
    markdown = (pytester.path / "report.md").read_text()
    assert "int8_pi" in markdown
    assert " on " in there["runtime"]
    assert "tiny int8_pi" in run.text


def test_deploy_there_is_what_that_machine_runs(pytester: pytest.Pytester) -> None:
    """ncnn's own options travel: none is set, so half precision is as the machine has it; the machine is named."""
    asked: list[dict[str, bool]] = []

    def noted(self: RemoteRunner, setup: RemoteSetup, target: Target) -> None:
        asked.append(dict(setup.options))
        opened(self, setup, target)

    opened = RemoteRunner.__init__
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, runtime="deploy")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RemoteRunner, "__init__", noted)
        deploy = run_quant(pytester, "--quant-target", SPEC)
        tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path)})
        reference = run_quant(pytester, "--quant-target", SPEC)
    assert (deploy.status, reference.status) == (0, 0)
    assert {} in asked
    assert any(options.get("use_fp16_arithmetic") is False for options in asked)
    assert deploy.report is not None
    conditions = deploy.report["models"]["tiny"]["conditions"]
    assert conditions["runtime"] == "deploy"
    assert "(" in conditions["int8_target"], "the instruction sets, by the far side's own telling"


def test_a_target_that_dies_again_and_again_is_the_error_of_the_case(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(far_side.__file__).read_text(encoding="utf-8")
    deadly = source.replace("    answer = []\n", "    os._exit(1)\n    answer = []\n")
    monkeypatch.setattr("pytest_quant.nets.remote.connection._program", lambda: deadly)
    tiny.write_zoo(pytester.path)
    run = run_quant(pytester, "--quant-target", SPEC)
    assert run.status == 1
    assert run.cases["tiny::top1"]["verdict"] == "error"
    assert "the far side died, or the way to it broke off" in run.cases["tiny::top1"]["reason"]
    assert "sample " in run.cases["tiny::top1"]["reason"]


def test_a_disk_that_is_full_there_is_told(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(far_side.__file__).read_text(encoding="utf-8")
    full = source.replace(
        "                file.write(channel.receive())",
        "                raise OSError(28, 'No space left on device', path)",
    )
    assert full != source
    monkeypatch.setattr("pytest_quant.nets.remote.connection._program", lambda: full)
    tiny.write_zoo(pytester.path)
    monkeypatch.setenv("PYTEST_QUANT_TARGET_CACHE", str(pytester.path / "there"))
    run = run_quant(pytester, "--quant-target", SPEC)
    assert run.cases["tiny::top1"]["verdict"] == "error"
    assert "No space left on device" in run.cases["tiny::top1"]["reason"]
    assert list((pytester.path / "there").iterdir()) == [], "nothing half written stays"


def test_two_runs_on_one_board(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the same time, with one folder of kept files: the same report from both."""
    monkeypatch.setenv("PYTEST_QUANT_TARGET_CACHE", str(pytester.path / "there"))
    tiny.write_zoo(pytester.path)
    command = [sys.executable, "-m", "pytest", "--quant", "--quant-no-cache", "--quant-target", SPEC]
    runs = [
        subprocess.Popen([*command, "-p", "no:cacheprovider", "--quant-report", f"{name}.json"], stdout=subprocess.PIPE)
        for name in ("one", "two")
    ]
    for run in runs:
        assert run.communicate(timeout=120)[0] is not None
        assert run.returncode == 0
    one, two = (json.loads((pytester.path / f"{name}.json").read_text()) for name in ("one", "two"))
    assert one["models"]["tiny"]["metrics"] == two["models"]["tiny"]["metrics"]
    assert len(list((pytester.path / "there").iterdir())) == 4, "each file once"


def test_predictions_of_a_target_are_not_those_of_here(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path)
    cache = ("--quant-cache", "cache")
    run_quant(pytester, *cache)
    there = run_quant(pytester, *cache, "--quant-target", SPEC)
    assert there.report is not None
    assert there.report["models"]["tiny"]["timing"]["cached"] == {"fp32": False, "int8": False}
    again = run_quant(pytester, *cache, "--quant-target", SPEC)
    assert again.report is not None
    assert again.report["models"]["tiny"]["timing"]["cached"] == {"fp32": True, "int8": True}


def test_a_target_that_cannot_be_reached_is_the_error_of_each_case(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path)
    run = run_quant(pytester, "--quant-target", "popen//python=/nowhere/python")
    assert run.status == 1
    assert run.cases["tiny::top1"]["verdict"] == "error"
    assert "target popen//python=/nowhere/python: cannot be started" in run.cases["tiny::top1"]["reason"]


def test_a_net_of_another_runtime_stays_here(pytester: pytest.Pytester) -> None:
    entry = tiny.model_entry(pytester.path)
    entry["nets"] = {"qdq": {"onnxruntime": tiny_onnx.write_qdq(pytester.path)}}
    tiny.write_zoo(pytester.path, {"tiny": entry})
    run = run_quant(pytester, "--quant-target", SPEC)
    assert run.verdicts["tiny::qdq[top1]"] == "pass"
    entry["nets"]["qdq"]["target"] = SPEC
    tiny.write_zoo(pytester.path, {"tiny": entry})
    run = run_quant(pytester)
    assert "nets of onnxruntime run on this machine only; those of ncnn can run on a target" in run.text


def test_fixtures_run_there_too(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path)
    pytester.makepyfile(
        """
        def test_runs_there(ncnn_fp32, ncnn_int8, quant_dataset):
            sample = quant_dataset.samples[0]
            assert ncnn_fp32.predict(sample).label == ncnn_int8.predict(sample).label
        """
    )
    run = run_quant(pytester, "--quant-target", SPEC, "-k", "runs_there")
    assert run.status == 0, run.text


def test_usage(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path)
    run = run_quant(pytester, "--quant-target-nets", "fp32")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "--quant-target-nets: found 'fp32', expected all or int8" in run.errors
