"""What a run leaves for continuous integration: JUnit properties, and the summary of a GitHub job."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_quant.report.step_summary import MOST_BYTES, shortened
from tests.integration.runs import PLAIN, UNCACHED, run_inside, run_quant
from tests.tiny import model_entry, write_bad_model, write_images, write_zoo

NUMBERS = {
    "quant_verdict": "fail", "quant_limit": "5.0", "quant_n": "60", "quant_total": "60",
    "quant_fp32": "86.666666667", "quant_int8": "8.333333333", "quant_drop": "78.333333333",
    "quant_value": "78.333333333",
}  # fmt: skip


@pytest.fixture
def zoo(pytester: pytest.Pytester) -> Path:
    write_images(pytester.path)
    models = {"tiny": model_entry(pytester.path), "bad": write_bad_model(pytester.path)}
    return write_zoo(pytester.path, models)


def properties(path: Path, test: str) -> dict[str, str]:
    cases = ElementTree.parse(path).getroot().iter("testcase")  # noqa: S314 - written just now
    (case,) = [case for case in cases if case.get("name") == test and "bad" in str(case.get("classname"))]
    return {str(one.get("name")): str(one.get("value")) for one in case.iter("property")}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_junit_properties_have_the_numbers(
    pytester: pytest.Pytester, zoo: Path, workers: tuple[str, ...], family: str
) -> None:
    command = ("--quant", *PLAIN, *UNCACHED, "--junitxml", "junit.xml", "-o", f"junit_family={family}", *workers)
    found = pytester.runpytest_subprocess(*command) if workers else run_inside(pytester, *command)
    assert found.ret == 1
    assert "warning" not in found.stdout.str().replace("sanity warning", "")
    assert properties(zoo.parent / "junit.xml", "top1") == NUMBERS
    assert properties(zoo.parent / "junit.xml", "int8")["quant_verdict"] == "pass"


def test_several_limits_of_a_test_are_told_apart(pytester: pytest.Pytester, zoo: Path) -> None:
    pytester.makepyfile(
        test_bad="""
        from pytest_quant import quant_floor, quant_model, quant_tolerance

        @quant_model("bad")
        @quant_tolerance(top1=5.0)
        @quant_floor(top1=5.0)
        def test_it(): ...
        """
    )
    run_quant(pytester, "test_bad.py", "--junitxml", "junit.xml")
    found = properties(zoo.parent / "junit.xml", "test_it[bad]")
    assert (found["quant_verdict[top1]"], found["quant_verdict[floor[top1]]"]) == ("fail", "pass")


def test_the_summary_of_a_job(pytester: pytest.Pytester, zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = zoo.parent / "summary.md"
    summary.write_text("# Before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    run_quant(pytester)
    assert summary.read_text() == "# Before\n", "a report was asked for"
    found = run_inside(pytester, "--quant", *PLAIN, *UNCACHED)
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("# Before\n# Accuracy of quantized models\n")
    assert "| bad | colours | top1 |" in text
    assert f"written: {summary}" in found.stdout.str()


def test_a_reason_that_many_cases_share_stands_once(pytester: pytest.Pytester, zoo: Path) -> None:
    lost = {name: model_entry(zoo.parent, name, dataset="nowhere") for name in ("one", "two")}
    nowhere = {"nowhere": {"type": "image-list", "root": "nowhere", "list": "list.txt"}}
    write_zoo(zoo.parent, {"tiny": model_entry(zoo.parent), **lost}, datasets={**nowhere, **colours()})
    run_quant(pytester, "--quant-report", "report.md")
    lines = [line for line in (zoo.parent / "report.md").read_text().splitlines() if "does not exist" in line]
    assert len(lines) == 1
    assert lines[0].startswith("- `zoo.quant.yaml::one::sanity`, `zoo.quant.yaml::one::top1`, `zoo.quant.yaml::two::")


def colours() -> dict[str, dict[str, str]]:
    return {"colours": {"type": "image-list", "root": ".", "list": "list.txt"}}


def test_a_summary_that_cannot_be_written_fails_nothing(
    pytester: pytest.Pytester, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(zoo.parent / "nowhere" / "summary.md"))
    found = run_inside(pytester, "--quant", *PLAIN, *UNCACHED, "-k", "tiny")
    assert found.ret == 0
    assert "GITHUB_STEP_SUMMARY:" in found.stdout.str()


def test_what_github_would_not_show_is_left_out() -> None:
    text = "".join(f"line {number} é\n" for number in range(200_000))
    short = shortened(text, MOST_BYTES)
    assert len(short.encode()) <= MOST_BYTES
    kept, _, note = short.partition("\n\n")
    assert text.startswith(f"{kept}\n")
    assert "Shortened" in note
    assert shortened(text, 10) == ""
