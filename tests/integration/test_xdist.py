"""The same cases, serial and in several processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.integration import counting
from tests.integration.runs import Run, run_quant

IMAGES = 120
"""Shards of 50, 50 and 20."""

TESTS = """
import pytest
from pytest_quant import quant_floor, quant_model, quant_tolerance

@quant_tolerance(top1=5.0)
def test_every(): pass

@quant_model("good")
@quant_floor(top1=50.0)
def test_scores(quant_scores): assert quant_scores.int8.top1 > 50

@quant_model("good")
@pytest.mark.parametrize("number", range(3))
def test_numbers(number, ncnn_int8, quant_dataset): ncnn_int8.predict(quant_dataset.samples[number])

@quant_tolerance(1.0)
def test_wrong(): pass

def test_not_ours(): pass
"""


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Zoo files and tests with every outcome, and a count of forward passes."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # workers start faster
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=IMAGES)
    tiny.write_zoo(
        root,
        {
            "good": tiny.model_entry(root, "good", floor={"top1": 50.0}, require={"samples": IMAGES}),
            "bad": tiny.write_bad_model(root, "bad", floor={"top1": 50.0}),
            "known": tiny.write_bad_model(root, "known", xfail={"top1": "known"}),
            "broken": tiny.model_entry(root, "broken", output="nothing"),
        },
    )
    counting.make_distinct(root, ["good", "bad", "known"])
    counting.write_conftest(root, monkeypatch)
    return root


def comparable(found: Run) -> dict[str, Any]:
    """The report without what may differ between two runs."""
    assert found.report is not None
    report = found.report
    environment = {key: value for key, value in report["environment"].items() if key not in ("started", "options")}
    models = {
        name: {key: value for key, value in entry.items() if key != "timing"}
        for name, entry in report["models"].items()
    }
    cases = [{key: value for key, value in case.items() if key != "seconds"} for case in report["cases"]]
    return {**report, "environment": environment, "models": models, "cases": cases}


@pytest.mark.parametrize("dist", ["load", "worksteal", "loadscope"])
def test_the_report_is_the_same_and_each_shard_is_computed_once(
    pytester: pytest.Pytester, project: Path, dist: str
) -> None:
    (project / "test_it.py").write_text(TESTS)
    serial = run_quant(pytester, "-n0")
    expected = counting.passes(project)
    assert serial.status == pytest.ExitCode.TESTS_FAILED
    assert {case["outcome"] for case in serial.cases.values()} == {"passed", "failed", "xfailed"}

    parallel = run_quant(pytester, "-n2", "--dist", dist)
    found = counting.passes(project)
    assert parallel.status == serial.status
    assert comparable(parallel) == comparable(serial)
    assert parallel.result.parseoutcomes() == serial.result.parseoutcomes()
    table = serial.text[serial.text.index("= accuracy of") : serial.text.index("written:")]
    assert table in parallel.text

    # The three runs of `test_numbers` are the user's own; everything else once, whichever worker came first.
    assert found == expected
    assert len(found) == 6 * IMAGES
    assert sum(found.values()) == 6 * IMAGES + 3


def test_broken_zoos_give_the_same_items_and_exit_status_also_from_another_folder(
    pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "syntax.quant.yaml").write_text("version: 1\nmodels: [")
    (project / "empty.quant.yaml").write_text("")
    tiny.write_zoo(project, {"good": tiny.model_entry(project, "good")}, name="twin.quant.yaml")
    folder = project / "sub"
    folder.mkdir()
    (folder / "test_it.py").write_text(TESTS)
    monkeypatch.chdir(folder)
    args = ("--rootdir", "..", "--quant-zoo", "../zoo.quant.yaml", "--quant-report", "here.json", "..")

    serial = run_quant(pytester, *args)
    assert serial.status == pytest.ExitCode.TESTS_FAILED
    assert {name for name, verdict in serial.verdicts.items() if verdict == "error"} == {
        "syntax.quant.yaml::zoo",
        "empty.quant.yaml::zoo",
        "broken::config",
        "twin.quant.yaml::good::config",
        "sub/test_it.py::test_every[broken]",
        "sub/test_it.py::test_wrong[config]",
    }
    (folder / "here.json").unlink()
    parallel = run_quant(pytester, "-n2", *args)
    assert parallel.status == serial.status
    assert comparable(parallel) == comparable(serial)
    assert (folder / "here.json").exists()


IN_USE = """
import os
from pathlib import Path
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner

forward = getattr(NcnnRunner.run, "forward", NcnnRunner.run)
log = os.open(Path(__file__).with_name("in-use"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def run(net, array):
    os.write(log, b"+")
    try:
        return forward(net, array)
    finally:
        os.write(log, b"-")


run.forward = forward
NcnnRunner.run = run
"""


def test_the_workers_share_the_cores_and_stop_early_where_one_process_does(
    pytester: pytest.Pytester, project: Path
) -> None:
    tiny.write_images(project, count=200)
    (project / "test_it.py").write_text(TESTS)
    serial = run_quant(pytester, "--quant-early-stop")
    assert serial.report is not None
    samples = {name: entry["samples"] for name, entry in serial.report["models"].items()}
    assert samples["bad"]["stopped_early"]
    assert samples["bad"]["evaluated"] < 200

    (project / "conftest.py").write_text(IN_USE)
    parallel = run_quant(pytester, "-n2", "--quant-jobs", "1", "--quant-early-stop")
    assert comparable(parallel) == comparable(serial)
    in_use = most = 0
    steps = (project / "in-use").read_text()
    for step in steps:
        in_use += 1 if step == "+" else -1
        most = max(most, in_use)
    assert most == 1
    assert len(steps) > 2 * 200


def test_dist_each_is_refused(pytester: pytest.Pytester) -> None:
    found = run_quant(pytester, "-n2", "--dist", "each")
    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert "--quant does not work with --dist each: use -n N, with --dist load or worksteal" in found.errors


def test_without_xdist_everything_works(pytester: pytest.Pytester) -> None:
    found = run_quant(pytester, "-p", "no:xdist")
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert found.verdicts["good::top1"] == "pass"
    assert found.verdicts["bad::top1"] == "fail"


def test_the_folder_that_processes_share_is_gone_afterwards(
    pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = project / "shared-tmp"
    shared.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(shared))
    found = run_quant(pytester)
    assert found.verdicts["good::top1"] == "pass"
    assert list(shared.glob("pytest-quant-*")) == []
