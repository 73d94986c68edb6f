"""A zoo file becomes cases: which there are, in which order, and how pytest's own options select among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests import tiny
from tests.integration.runs import ZOO, run_plain, run_quant

ALL_CASES = [
    "tiny::top1",
    "tiny::floor[top1]",
    "tiny::published[fp32.top1]",
    "tiny::published[int8.top1]",
    "tiny::require[runtime]",
    "tiny::sanity",
    "tiny::int8",
    "tiny::table",
]


def entry_of_every_kind(folder: Path, **changes: Any) -> dict[str, Any]:
    (folder / "tiny.table").write_text("conv_param_0 63.5 63.5 63.5 1270\nconv 127\n")
    entry = tiny.model_entry(folder)
    entry["int8"]["table"] = "tiny.table"
    published = {"value": 85.0, "within": 15.0}
    entry["floor"] = {"top1": 60.0}
    entry["published"] = {"fp32": {"top1": published}, "int8": {"top1": published}}
    entry["require"] = {"runtime": "reference"}
    return entry | changes


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path, 24)
    return pytester.path


def collected(pytester: pytest.Pytester, *args: str) -> list[str]:
    """The ids that a run would have, without the zoo file."""
    lines = run_quant(pytester, "--collect-only", "-q", *args).result.outlines
    return [line.removeprefix(f"{ZOO}::") for line in lines if "::" in line]


def test_one_case_per_limit_in_a_fixed_order(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"tiny": entry_of_every_kind(folder)})
    assert collected(pytester) == ALL_CASES
    run = run_quant(pytester)
    assert {name: case["verdict"] for name, case in run.cases.items()} == dict.fromkeys(ALL_CASES, "pass")
    assert [(case["kind"], case["metric"], case["limit"]) for case in map(run.cases.get, ALL_CASES) if case] == [
        ("tolerance", "top1", 5.0),
        ("floor", "top1", 60.0),
        ("published", "top1", 85.0),
        ("published", "top1", 85.0),
        ("require", None, "reference"),
        ("sanity", None, None),
        ("int8", None, None),
        ("table", None, None),
    ]
    assert run.status == pytest.ExitCode.OK


def test_models_stand_in_the_order_of_the_file(pytester: pytest.Pytester, folder: Path) -> None:
    entry = tiny.model_entry(folder)
    names = ("zebra", "ape", "R2.5+x_y-z")
    tiny.write_zoo(folder, dict.fromkeys(names, entry))
    assert collected(pytester) == [f"{name}::{case}" for name in names for case in ("top1", "sanity", "int8")]


def test_defaults_are_taken_replaced_or_dropped(pytester: pytest.Pytester, folder: Path) -> None:
    models = {
        "takes": tiny.model_entry(folder, tolerance=None),
        "replaces": tiny.model_entry(folder, tolerance={"top1": 2.5}),
        "drops": tiny.model_entry(folder, tolerance={"top1": None}, floor={"top1": 50}),
    }
    tiny.write_zoo(folder, models, defaults={"tolerance": {"top1": 7.5, "hmean": 0.01, "AP": 0.01}})
    assert collected(pytester) == [
        "takes::top1",
        "takes::sanity",
        "takes::int8",
        "replaces::top1",
        "replaces::sanity",
        "replaces::int8",
        "drops::floor[top1]",
        "drops::sanity",
        "drops::int8",
    ]
    cases = run_quant(pytester).cases
    assert cases["takes::top1"]["limit"] == 7.5
    assert cases["replaces::top1"]["limit"] == 2.5


def test_collecting_measures_nothing_and_reports_nothing(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, datasets={"colours": {"type": "image-list", "root": "gone", "list": "list.txt"}})
    run = run_quant(pytester, "--collect-only")
    assert run.status == pytest.ExitCode.OK
    assert run.report is None
    assert "accuracy of quantized models" not in run.text


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([f"{ZOO}::tiny::top1"], ["tiny::top1"]),
        ([f"{ZOO}::tiny::floor[top1]"], ["tiny::floor[top1]"]),
        ([f"{ZOO}::tiny::published[int8.top1]", f"{ZOO}::tiny::int8"], ["tiny::published[int8.top1]", "tiny::int8"]),
        ([f"{ZOO}::tiny"], ALL_CASES),
        (["-k", "floor or table"], ["tiny::floor[top1]", "tiny::table"]),
        (["-k", "tiny and not top1"], ["tiny::require[runtime]", "tiny::sanity", "tiny::int8", "tiny::table"]),
        (["--deselect", f"{ZOO}::tiny::top1", "-k", "top1 and not published"], ["tiny::floor[top1]"]),
        (["-m", "quant"], ALL_CASES),
    ],
)
def test_selection(pytester: pytest.Pytester, folder: Path, args: list[str], expected: list[str]) -> None:
    tiny.write_zoo(folder, {"tiny": entry_of_every_kind(folder)})
    pytester.makepyfile(test_other="def test_other(): pass")
    run = run_quant(pytester, *args)
    assert list(run.cases) == sorted(expected, key=lambda name: f"{ZOO}::{name}")
    run.result.assert_outcomes(passed=len(expected), deselected=run.result.parseoutcomes().get("deselected", 0))
    assert run.status == pytest.ExitCode.OK


def test_the_marker_tells_accuracy_cases_from_other_tests(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder)
    (folder / "broken.quant.yaml").write_text("version: 2\n")
    pytester.makepyfile(test_other="def test_other(): pass")
    assert collected(pytester, "-m", "not quant") == ["test_other.py::test_other"]
    assert collected(pytester, "-m", "quant", "--strict-markers") == [
        "broken.quant.yaml::zoo",
        "tiny::top1",
        "tiny::sanity",
        "tiny::int8",
    ]


def test_the_option_deselects_no_other_test(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder)
    pytester.makepyfile(test_other="def test_one(): pass\ndef test_two(): assert False")
    run = run_quant(pytester)
    run.result.assert_outcomes(passed=4, failed=1)


def test_last_failed_runs_the_failing_cases_again(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder), "bad": tiny.write_bad_model(folder)})
    first = run_quant(pytester, cached=True)
    first.result.assert_outcomes(passed=5, failed=1)
    again = run_quant(pytester, "--lf", cached=True)
    assert again.verdicts == {"bad::top1": "fail"}


def test_last_failed_finds_names_with_brackets(pytester: pytest.Pytester, folder: Path) -> None:
    limits: dict[str, Any] = {"floor": {"top1": 99.0}, "require": {"runtime": "deploy"}}
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, **limits)})
    run_quant(pytester, cached=True)
    again = run_quant(pytester, "--lf", cached=True)
    assert again.verdicts == {"tiny::floor[top1]": "fail", "tiny::require[runtime]": "fail"}


def test_after_the_first_failure_the_rest_is_not_run(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder), "tiny": tiny.model_entry(folder)})
    run = run_quant(pytester, "-x")
    not_run = "skipped not_run"
    assert run.verdicts == {"bad::top1": "fail", "bad::int8": not_run, "tiny::int8": not_run, "tiny::top1": not_run}
    assert run.cases["tiny::top1"]["reason"] == "the run ended before this case"
    assert run.cases["tiny::top1"]["value"] is None
    assert run.cases["tiny::top1"]["limit"] == 5.0
    assert "never reported" not in run.text
    assert "NOT RUN" in run.text
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_maxfail_before_anything_was_decided_tells_no_more_than_that(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"broken": tiny.model_entry(folder, task=None), "tiny": tiny.model_entry(folder)})
    run = run_quant(pytester, "--maxfail=1")
    assert run.verdicts == {
        "broken::config": "error",
        "tiny::int8": "skipped not_run",
        "tiny::top1": "skipped not_run",
    }
    assert "no accuracy case was decided" not in run.text


def test_junit_xml_holds_the_numbers(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder)})
    run = run_quant(pytester, "--junitxml", "junit.xml")
    suite = ElementTree.parse(folder / "junit.xml").getroot()[0]  # noqa: S314 - written by pytest a moment ago
    cases = {f"{case.get('classname')}.{case.get('name')}": case for case in suite.iter("testcase")}
    assert list(cases) == [f"{ZOO}.bad.top1", f"{ZOO}.bad.sanity", f"{ZOO}.bad.int8"]
    failure = cases[f"{ZOO}.bad.top1"].find("failure")
    assert failure is not None
    assert f": {run.cases['bad::top1']['reason']}" in (failure.get("message") or "")
    assert [one.tag for one in cases[f"{ZOO}.bad.int8"]] == ["properties"]


def test_the_failure_text_tells_model_dataset_and_evidence(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder)})
    run = run_quant(pytester)
    assert run.report is not None
    flips, reason = run.report["models"]["bad"]["flips"], run.cases["bad::top1"]["reason"]
    run.result.stdout.fnmatch_lines(
        [
            "*_ bad::top1 _*",
            f"FAIL: {reason}",
            f"  bad on colours, top1: right only in fp32 {flips['only_fp32_right']}, only in int8 "
            f"{flips['only_int8_right']}; same answer on {flips['agreement']:.2f} %; all samples",
        ]
    )


@pytest.mark.parametrize("content", [b"\xff\x00{[not: yaml", b"version: 9"])
def test_without_the_option_a_zoo_file_is_skipped_unread(
    pytester: pytest.Pytester, folder: Path, content: bytes
) -> None:
    (folder / "one.quant.yaml").write_bytes(content)
    pytester.makepyfile(test_other="def test_other(): pass")
    result = run_plain(pytester, "-v", "-rs").result
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["one.quant.yaml::quant SKIPPED*", "SKIPPED*one.quant.yaml*accuracy cases run with --quant"]
    )
    assert result.ret == pytest.ExitCode.OK


def test_the_ini_option_enables_and_the_command_line_disables(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder)
    pytester.makeini("[pytest]\nquant = true\n")
    run_plain(pytester).result.assert_outcomes(passed=3)
    run_plain(pytester, "--no-quant").result.assert_outcomes(skipped=1)
    run_plain(pytester, "--no-quant", "--quant").result.assert_outcomes(passed=3)


def test_a_zoo_file_in_a_folder_has_its_own_relative_paths(pytester: pytest.Pytester) -> None:
    below = pytester.mkdir("zoos")
    tiny.write_images(below, 24)
    tiny.write_zoo(below)
    run = run_quant(pytester, "zoos")
    assert run.verdicts == {"zoos/zoo.quant.yaml::tiny::int8": "pass", "zoos/zoo.quant.yaml::tiny::top1": "pass"}


def test_nothing_to_collect_is_no_failure_of_the_plugin(pytester: pytest.Pytester) -> None:
    run = run_quant(pytester)
    assert run.status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert run.report is None
    assert "accuracy of quantized models" not in run.text
