"""Cases that never report: their process died, or nobody ran them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import tiny
from tests.integration import counting
from tests.integration.runs import PLAIN, UNCACHED, Run, run_quant

TESTS = """
import os
from pytest_quant import quant_model, quant_tolerance

@quant_model("sound")
@quant_tolerance(top1=5.0)
def test_exit(): os._exit(7)

@quant_model("sound")
@quant_tolerance(top1=5.0)
def test_after(): pass
"""


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    root = pytester.path
    tiny.write_images(root, count=120)
    names = ("mortal", "deadly", "sound")
    tiny.write_zoo(root, {name: tiny.model_entry(root, name, floor={"top1": 50.0}) for name in names})
    counting.make_distinct(root, names)
    counting.write_conftest(root, monkeypatch)
    return root


def pairs(found: Run) -> dict[str, tuple[str, str]]:
    """Case to verdict and outcome."""
    return {name: (case["verdict"], case["outcome"]) for name, case in found.cases.items()}


def counts(found: Run) -> dict[str, int]:
    """Verdict to the number of cases."""
    verdicts = [case["verdict"] for case in found.cases.values()]
    return {verdict: verdicts.count(verdict) for verdict in set(verdicts)}


def test_cases_whose_worker_dies_are_crashed_and_all_others_complete(pytester: pytest.Pytester, project: Path) -> None:
    (project / "test_it.py").write_text(TESTS)
    counting.die(project, "mortal-int8")  # in the middle of a shard that it has claimed
    counting.die(project, "deadly", always=True)

    found = run_quant(pytester, "-n2", "--max-worker-restart=40")

    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert len(found.cases) == 3 * 4 + 2
    verdicts = pairs(found)
    crashed = {name for name, verdict in verdicts.items() if verdict == ("crashed", "failed")}
    mortal = {name for name in crashed if name.startswith("mortal::")}
    # The other case of the model computed the shard again; a worker that only helps has no case when it dies, and one
    # that helps beside a case gives that to another, which is alone with it.
    assert len(mortal) <= 1
    assert crashed - mortal == {"deadly::top1", "deadly::floor[top1]", "deadly::sanity", "test_it.py::test_exit[sound]"}
    assert {verdict for name, verdict in verdicts.items() if name not in crashed} == {("pass", "passed")}
    for name in crashed:
        assert "worker" in found.cases[name]["reason"]
        assert "crashed while running" in found.cases[name]["reason"]
        assert "beforehand" not in found.cases[name]["reason"]
    assert f"{len(crashed)} crashed" in found.text
    assert found.report is not None
    assert sorted(found.report["models"]) == ["mortal", "sound"]


def test_a_run_that_lost_its_workers_tells_of_every_case(pytester: pytest.Pytester, project: Path) -> None:
    counting.die(project, "deadly", always=True)
    found = run_quant(pytester, "-n2", "--max-worker-restart=0")
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert len(found.cases) == 3 * 4
    assert counts(found).keys() <= {"pass", "crashed", "missing"}
    assert counts(found)["crashed"] > 0
    missing = counts(found).get("missing", 0)
    assert (f"{missing} accuracy cases never reported" in found.text) == (missing > 0)
    assert set(pairs(found).values()) <= {("pass", "passed"), ("crashed", "failed"), ("missing", "not_run")}


def test_a_planned_case_that_never_reports_is_missing_and_fails_the_run(
    pytester: pytest.Pytester, project: Path
) -> None:
    (project / "conftest.py").write_text("""
def pytest_runtest_protocol(item):
    return True if item.nodeid.endswith("sound::top1") else None
""")
    found = run_quant(pytester)
    found.result.assert_outcomes(passed=11)
    assert found.status == pytest.ExitCode.TESTS_FAILED
    case = found.cases["sound::top1"]
    assert (case["verdict"], case["outcome"], case["value"]) == ("missing", "not_run", None)
    assert case["reason"] == "the run ended before this case"
    assert "1 accuracy cases never reported" in found.text
    assert counts(found) == {"pass": 11, "missing": 1}


@pytest.mark.parametrize("how", [("-x",), ("--maxfail=1",), ("-n2", "-x")], ids=" ".join)
def test_after_a_stop_the_rest_was_not_run(pytester: pytest.Pytester, project: Path, how: tuple[str, ...]) -> None:
    bad = {"bad": tiny.write_bad_model(project, "bad")}
    others = {f"m{index}": tiny.model_entry(project, f"m{index}") for index in range(4)}
    tiny.write_zoo(project, {**bad, **others})
    found = run_quant(pytester, *how)
    assert found.status in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert len(found.cases) == 15
    assert pairs(found)["bad::top1"] == ("fail", "failed")
    not_run = [name for name, verdict in pairs(found).items() if verdict == ("skipped", "not_run")]
    assert not_run
    if "-n2" not in how:
        assert len(not_run) == 14
    assert "never reported" not in found.text
    assert "no accuracy case was decided" not in found.text
    assert "not run" in found.text.lower()


def test_after_an_interrupt_the_rest_was_not_run(pytester: pytest.Pytester, project: Path) -> None:
    (project / "test_it.py").write_text("""
from pytest_quant import quant_model, quant_tolerance

@quant_model("sound")
@quant_tolerance(top1=5.0)
def test_interrupt(): raise KeyboardInterrupt
""")
    options = ("--quant", "--quant-report", "report.json", "test_it.py", "zoo.quant.yaml")
    result = pytester.runpytest_subprocess(*PLAIN, *UNCACHED, *options)  # in this process it would end this run, too
    found = Run(result, json.loads((project / "report.json").read_text()))
    assert found.status == pytest.ExitCode.INTERRUPTED
    assert set(pairs(found).values()) == {("skipped", "not_run")}
    assert len(found.cases) == 3 * 4 + 1
