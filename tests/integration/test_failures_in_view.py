"""What failed is said where people look: one-line tracebacks, the short summary, annotations, warnings."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.integration.runs import PLAIN, UNCACHED, ZOO, run_quant
from tests.tiny import model_entry, write_bad_model, write_images, write_zoo

FORMULA = "drop = 86.67 - 8.33 = 78.33 points (90% CI 65.83 to 86.84, n = 60 of 60) > 5.00"
PYTHON = """
from pytest_quant import quant_model, quant_tolerance

@quant_model("bad")
@quant_tolerance(top1=5.0)
def test_limits(): ...

@quant_model("tiny")
def test_body(ncnn_fp32):
    ncnn_fp32.run(1)

@quant_model("tiny")
def test_scores(quant_scores):
    quant_scores.int8.top7
"""


def line_of(folder: Path, *keys: str) -> int:
    """The line of the last of some keys, each below the one before, by eye: keys stand once below their parent."""
    lines = (folder / ZOO).read_text().splitlines()
    at = -1
    for key in keys:
        at = next(index for index in range(at + 1, len(lines)) if lines[index].strip().startswith(f"{key}:"))
    return at + 1


@pytest.fixture
def zoo(pytester: pytest.Pytester) -> Path:
    folder = pytester.path
    write_images(folder)
    models = {
        "tiny": model_entry(folder, floor={"top1": 50.0}),
        "bad": write_bad_model(folder, tolerance={"top1": 5.0}),
        "typo": model_entry(folder, tolerance={"top1": 5.0}, samplse=4),
        "default": write_bad_model(folder, tolerance=None),
    }
    write_zoo(folder, models, defaults={"tolerance": {"top1": 5.0}})
    return folder


def test_one_line_tracebacks_have_line_id_and_formula(pytester: pytest.Pytester, zoo: Path) -> None:
    run = run_quant(pytester, "--tb=line")
    assert run.status == 1
    lines = run.text.splitlines()
    assert f"{ZOO}:{line_of(zoo, 'bad', 'tolerance', 'top1')}: bad::top1: {FORMULA}" in lines
    assert f"{ZOO}:{line_of(zoo, 'defaults', 'tolerance', 'top1')}: default::top1: {FORMULA}" in lines
    broken = [
        line for line in lines if line.startswith(f"{ZOO}:{line_of(zoo, 'typo', 'samplse')}: typo::config: models.")
    ]
    assert len(broken) == 1
    assert run.text.count("78.33 points") == 2 + 0  # once each: the short summary is cut before it here


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_the_short_summary_has_the_line_and_the_formula(
    pytester: pytest.Pytester, zoo: Path, workers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    found = pytester.runpytest_subprocess("--quant", *PLAIN, *UNCACHED, *workers, "-k", "bad")
    line = line_of(zoo, "bad", "tolerance", "top1")
    found.stdout.fnmatch_lines([f"FAILED {ZOO}::bad::top1 - line {line}: {FORMULA}"])
    assert found.stdout.str().count("worst layers") == 1


def test_github_shows_each_failure_at_its_line(
    pytester: pytest.Pytester, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(zoo.parent))
    run = run_quant(pytester)
    line = line_of(zoo, "bad", "tolerance", "top1")
    wanted = rf"^::error file={zoo.name}/{ZOO},line={line},title={ZOO}%3A%3Abad%3A%3Atop1::FAIL: drop = 86\.67 - 8\.33"
    assert len(re.findall(wanted, run.errors, re.MULTILINE)) == 1
    assert len(re.findall("^::error ", run.errors, re.MULTILINE)) == run.text.count("\nFAILED ")


def test_a_command_to_github_begins_its_line_where_both_streams_are_one(
    zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub obeys a command at the start of a line alone."""
    command = [sys.executable, "-m", "pytest", "--quant", *PLAIN, *UNCACHED, "-k", "bad and top1"]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    found = subprocess.run(command, cwd=zoo, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert "::error " in found.stdout
    assert all(line.startswith("::error ") for line in found.stdout.splitlines() if "::error " in line), found.stdout


def test_another_plugin_that_annotates_is_not_doubled(
    pytester: pytest.Pytester, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    pytester.makepyfile(pytest_github_actions_annotate_failures="")
    pytester.syspathinsert()
    run = run_quant(pytester, "-p", "pytest_github_actions_annotate_failures", "-k", "bad")
    assert run.status == 1
    assert "::error" not in run.errors


def test_reports_have_what_other_plugins_read(pytester: pytest.Pytester, zoo: Path) -> None:
    """A plugin that annotates failures reads `location`, and the message of the crash."""
    pytester.makeconftest(
        """
        def pytest_runtest_logreport(report):
            if report.failed:
                path, line, name = report.location
                print("LOCATION", path, line + 1, name, "|", report.longrepr.reprcrash.message)
        """
    )
    run = run_quant(pytester, "-s", "-k", "bad")
    line = line_of(zoo, "bad", "tolerance", "top1")
    assert f"LOCATION {ZOO} {line} bad::top1 | line {line}: {FORMULA}" in run.text


def test_errors_in_a_test_hide_the_plugin(pytester: pytest.Pytester, zoo: Path) -> None:
    pytester.makepyfile(test_it=PYTHON)
    run = run_quant(pytester, "test_it.py")
    assert re.search(r"^> +ncnn_fp32\.run\(1\)$", run.text, re.MULTILINE)
    assert "RunnerError: tiny.param: found an input of type int, expected a numpy array" in run.text
    assert "no metric 'top7' was measured; measured: top1" in run.text
    assert "pytest_quant/" not in run.text, "frames of the plugin are shown"
    assert "FAILED test_it.py::test_limits[bad] - drop = 86.67" in run.text
    whole = run_quant(pytester, "test_it.py", "--full-trace")
    assert "model_runner.py" in whole.text


def test_what_a_task_of_the_user_raised_stays_in_view(pytester: pytest.Pytester, zoo: Path) -> None:
    pytester.makepyfile(
        test_it="""
        from pytest_quant import quant_model
        from tests_own import fails

        @quant_model("tiny")
        def test_body(ncnn_fp32, monkeypatch):
            monkeypatch.setattr(ncnn_fp32._bench.cores, "core", fails)
            ncnn_fp32.run(1)
        """,
        tests_own="""
        def fails():
            raise ValueError("in the user's own code")
        """,
    )
    pytester.syspathinsert()
    run = run_quant(pytester, "test_it.py")
    assert "tests_own.py:2: ValueError" in run.text
    assert "pytest_quant/" not in run.text


def test_python_tests_point_at_themselves(pytester: pytest.Pytester, zoo: Path) -> None:
    pytester.makepyfile(test_it=PYTHON)
    run = run_quant(pytester, "test_it.py", "--tb=line", "-k", "limits")
    line = (zoo / "test_it.py").read_text().splitlines().index('@quant_model("bad")') + 1
    assert f"test_it.py:{line}: test_limits[bad]: {FORMULA}" in run.text.splitlines()


def test_warnings_point_at_the_zoo_file(pytester: pytest.Pytester) -> None:
    folder = pytester.path
    write_images(folder)
    write_zoo(folder, {"tiny": model_entry(folder, "tiny", int8=model_entry(folder)["fp32"], tolerance={"top1": 1.0})})
    run = run_quant(pytester, "-W", "default::pytest_quant.spec.errors.QuantWarning")
    line = line_of(folder, "tiny", "tolerance", "top1")
    assert f"{ZOO}:{line}: QuantWarning: tiny: the tolerance 1 of top1 is smaller than one sample" in run.text
    assert "outcomes.py" not in run.text


def test_layers_stand_once_for_all_limits_of_a_model(pytester: pytest.Pytester, zoo: Path) -> None:
    pytester.makepyfile(test_it=PYTHON)
    run = run_quant(pytester, "test_it.py::test_limits", ZOO, "-k", "bad")
    assert run.text.count("worst layers") == 1
    assert "what is behind it: see test_it.py::test_limits[bad]" in run.text


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_verbose_runs_show_numbers_beside_passed(
    pytester: pytest.Pytester, zoo: Path, workers: tuple[str, ...]
) -> None:
    found = pytester.runpytest_subprocess("--quant", *PLAIN, *UNCACHED, "-v", "-k", "tiny", *workers)
    text = found.stdout.str()
    assert "PASSED top1 86.67 -> 85.00, drop 1.67 <= 5.00" in text
    assert "PASSED int8 top1 = 85.00 >= 50.00" in text
    assert "[100%]" in text
    quiet = run_quant(pytester, "-k", "tiny")
    assert "->" not in quiet.text


def test_junit_has_the_formula_as_its_message(pytester: pytest.Pytester, zoo: Path) -> None:
    run_quant(pytester, "-k", "bad", "--junitxml", "junit.xml")
    failures = ElementTree.parse(zoo / "junit.xml").getroot().iter("failure")  # noqa: S314 - written just now
    assert [failure.get("message", "").partition(": ")[2] for failure in failures] == [FORMULA]
