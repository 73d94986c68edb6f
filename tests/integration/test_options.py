"""A value of an option that cannot be used ends pytest with a usage error before anything is collected."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiny
from tests.integration.runs import run_plain, run_quant

PERCENTAGE = "expected a percentage above 0 and up to 100, such as"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--quant-samples", "0"], "--quant-samples: found '0', expected a whole number of 1 or more or `all`"),
        (["--quant-samples", "-5"], "--quant-samples: found '-5', expected a whole number of 1 or more or `all`"),
        (["--quant-samples", "1e3"], "--quant-samples: found '1e3', expected a whole number"),
        (["--quant-samples", "ALL"], "--quant-samples: found 'ALL', expected a whole number of 1 or more or `all`"),
        (["--quant-seed", "-1"], "--quant-seed: found '-1', expected a whole number of 0 or more"),
        (["--quant-seed", "one"], "--quant-seed: found 'one', expected a whole number of 0 or more"),
        (["--quant-confidence", "0.5"], "--quant-confidence: found '0.5', expected a number above 0.5 and below 1"),
        (["--quant-confidence", "1"], "--quant-confidence: found '1', expected a number above 0.5 and below 1"),
        (["--quant-confidence", "95"], "--quant-confidence: found '95', expected a number above 0.5 and below 1"),
        (["--quant-confidence", "nan"], "--quant-confidence: found 'nan', expected a number above 0.5 and below 1"),
        (["--quant-confidence", "95%"], "--quant-confidence: found '95%', expected a number above 0.5 and below 1"),
        (["--quant-inconclusive", "skip"], "--quant-inconclusive: found 'skip', expected fail or pass"),
        (["--quant-jobs", "0"], "--quant-jobs: found '0', expected a whole number of 1 or more"),
        (["--quant-jobs", "auto"], "--quant-jobs: found 'auto', expected a whole number of 1 or more"),
        (["--quant-executor", "host:8786"], "--quant-executor: found 'host:8786', expected dask://HOST:PORT"),
        (
            ["--quant-executor", "dask://host:8786", "--quant-target", "popen"],
            "--quant-executor and --quant-target exclude each other",
        ),
        (["--quant-zoo", "nowhere.quant.yaml"], "nowhere.quant.yaml does not exist"),
        (
            ["--quant-report", "report.txt"],
            "--quant-report: report.txt: expected a file name that ends in one of .json, .md, .html",
        ),
        (
            ["--quant-report", "report"],
            "--quant-report: report: expected a file name that ends in one of .json, .md, .html",
        ),
        (["--quant-report", "folder.json"], "folder.json is a folder, expected the name of a file"),
        (["--quant-update-baseline"], "--quant-update-baseline: which file? Name it with --quant-baseline FILE"),
        (["--quant-baseline", "folder.json"], "folder.json is a folder, expected the name of a file"),
        (["--dist", "each", "--tx", "popen"], "--quant does not work with --dist each: use -n N"),
    ],
)
def test_the_command_line(pytester: pytest.Pytester, args: list[str], says: str) -> None:
    pytester.mkdir("folder.json")
    tiny.write_zoo(pytester.path)
    run = run_quant(pytester, *args)
    assert says in run.errors
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert run.report is None
    assert "collected" not in run.text
    assert "Traceback" not in run.text + run.errors


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("quant_samples = none", "--quant-samples: found 'none', expected a whole number of 1 or more or `all`"),
        ("quant_seed = 1.5", "--quant-seed: found '1.5', expected a whole number of 0 or more"),
        ("quant_confidence = 0.2", "--quant-confidence: found '0.2', expected a number above 0.5 and below 1"),
        ("quant_inconclusive = maybe", "--quant-inconclusive: found 'maybe', expected fail or pass"),
        ("quant_jobs = many", "--quant-jobs: found 'many', expected a whole number of 1 or more"),
        ("quant_max_tolerance = 0", f"quant_max_tolerance: found '0', {PERCENTAGE} 10"),
        ("quant_max_tolerance = 101", f"quant_max_tolerance: found '101', {PERCENTAGE} 10"),
        ("quant_max_tolerance = 5%", f"quant_max_tolerance: found '5%', {PERCENTAGE} 10"),
        ("quant_baseline_within = -1", f"quant_baseline_within: found '-1', {PERCENTAGE} 0.1"),
        ("quant_zoo = nowhere/*.quant.yaml", "quant_zoo: 'nowhere/*.quant.yaml' matches no file below "),
        (
            "quant_zoo = /absolute/*.quant.yaml",
            "quant_zoo: '/absolute/*.quant.yaml' is not a pattern of paths relative to",
        ),
        ("quant_report_pictures = many", "quant_report_pictures: found 'many', expected a whole number of 0 or more"),
        ("quant_report_pictures = -1", "quant_report_pictures: found '-1', expected a whole number of 0 or more"),
        ("quant_strict = maybe", "invalid truth value 'maybe'"),
    ],
)
def test_the_ini_file(pytester: pytest.Pytester, line: str, says: str) -> None:
    tiny.write_zoo(pytester.path)
    pytester.makeini(f"[pytest]\n{line}\n")
    run = run_plain(pytester, "--quant")
    assert says in run.errors
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "collected" not in run.text
    assert "Traceback" not in run.text + run.errors


@pytest.mark.parametrize("args", [["--quant-samples", "0"], ["--quant-report", "a.pdf"]])
def test_a_usage_error_is_one_under_xdist_too(pytester: pytest.Pytester, args: list[str]) -> None:
    tiny.write_zoo(pytester.path)
    result = pytester.runpytest_subprocess("--quant", "-n", "2", "-p", "no:hypothesispytest", *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {args[0]}: found*" if args[1] == "0" else "ERROR: --quant-report: a.pdf*"])


def test_a_bad_value_is_one_without_accuracy_cases_too(pytester: pytest.Pytester) -> None:
    run = run_plain(pytester, "--quant-confidence", "95")
    assert run.status == pytest.ExitCode.USAGE_ERROR


def test_the_largest_tolerance_can_be_raised(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 12)
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, tolerance={"top1": 50.0})})
    assert run_quant(pytester).verdicts == {"tiny::config": "error"}
    pytester.makeini("[pytest]\nquant_max_tolerance = 60\n")
    assert run_quant(pytester).verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}


def test_the_largest_tolerance_can_be_lowered(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 12)
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, tolerance={"top1": 5.0})})
    pytester.makeini("[pytest]\nquant_max_tolerance = 2\n")
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::config": "error"}
    assert "must stay below 2 % of the range" in run.cases["tiny::config"]["reason"]


@pytest.mark.parametrize("where", ["command line", "ini"])
def test_strict_fails_a_missing_dataset(pytester: pytest.Pytester, where: str) -> None:
    tiny.write_zoo(pytester.path)
    if where == "ini":
        pytester.makeini("[pytest]\nquant_strict = true\n")
    run = run_quant(pytester, *(["--quant-strict"] if where == "command line" else []))
    assert run.verdicts == {"tiny::top1": "error", "tiny::int8": "pass"}
    assert run.cases["tiny::top1"]["reason"] in run.text
    assert "During handling of the above exception" not in run.text


def test_help_names_every_option_and_ini_value(pytester: pytest.Pytester) -> None:
    text = run_plain(pytester, "--help").text
    names = ("zoo", "samples", "seed", "confidence", "inconclusive", "strict", "jobs", "cache", "no-cache", "report")
    for name in names:
        assert f"--quant-{name}" in text
        assert f"quant_{name.replace('-', '_')} (" in text
    assert "--no-quant" in text
    assert "quant_max_tolerance (string)" in text


def test_reports_named_in_both_places(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 12)
    tiny.write_zoo(pytester.path)
    pytester.makeini("[pytest]\nquant_report = from_ini.json\n")
    run_plain(pytester, "--quant")
    assert (pytester.path / "from_ini.json").exists()
    (pytester.path / "from_ini.json").unlink()
    run_plain(pytester, "--quant", "--quant-report", "one.json", "--quant-report", "two.md")
    assert {path.name for path in Path(pytester.path).glob("*.json")} == {"one.json"}
    assert (pytester.path / "two.md").exists()
