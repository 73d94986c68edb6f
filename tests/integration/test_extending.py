"""A package from outside brings its own things, from a conftest.py and installed, and a whole run knows them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.cli.main import main
from tests import tiny
from tests.integration import extension
from tests.integration.runs import PLAIN, UNCACHED, Run, run_inside, run_quant
from tests.integration.test_xdist import comparable

TESTS = """
from pytest_quant import quant_model, quant_tolerance

@quant_model("shares")
@quant_tolerance(mae=0.05)
def test_shares(quant_scores): assert quant_scores.int8.mae < 0.5
"""


@pytest.fixture(autouse=True)
def root(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # workers start faster
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    extension.write_zoo(pytester.path)
    return pytester.path


def bring(how: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Register the extension; gives what messages and cache keys name it by."""
    if how == "conftest":
        extension.as_conftest(root)
        return "conftest.py"
    install(extension.as_installed(root), monkeypatch)
    return "quant-shades"


def install(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(site)
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), *([known] if known else [])]))


def same(found: Run) -> dict[str, Any]:
    """What a report says apart from times, those of further nets included."""
    said = comparable(found)
    for model in said["models"].values():
        for net in model.get("nets", {}).values():
            net.pop("timing")
    return said


def run_apart(pytester: pytest.Pytester, *args: str) -> Run:
    """A run in a process of its own: xdist's workers get the path on which its controller was started."""
    path = pytester.path / "report.json"
    path.unlink(missing_ok=True)
    result = pytester.runpytest_subprocess("--quant", *PLAIN, *UNCACHED, "--quant-report", str(path), *args)
    return Run(result, json.loads(path.read_text()) if path.exists() else None)


@pytest.mark.parametrize("how", ["conftest", "installed"])
def test_a_whole_run(how: str, pytester: pytest.Pytester, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(how, root, monkeypatch)
    pytester.makepyfile(test_shares=TESTS)
    written = [f"--quant-report={name}" for name in ("r.md", "r.lines")]
    serial = run_quant(pytester, *written)
    assert serial.status == pytest.ExitCode.OK, serial.text + serial.errors
    assert set(serial.verdicts.values()) == {"pass"}
    assert {
        "hues::hue",
        "shares::mae",
        "shares::floor[mae]",
        "levels::level",
        "own::mae",
        "own::int8",
        "own::coarse[mae]",
    } <= serial.verdicts.keys()
    assert (root / "r.lines").read_text() == "accuracy of hues, levels, own, shares\n"
    for text in (serial.text, (root / "r.md").read_text()):
        assert "hue: resized by pillow" in text
        assert "mae: mean over samples, lower is better" in text
        assert "level: mean over samples, higher is better, without a maximum" in text
        assert text.index("hues") < text.index("levels")  # a place of 15, one of 1000
    shares, levels = serial.metric("shares", "mae"), serial.metric("levels", "level")
    assert (shares["unit"], shares["higher_is_better"]) == ("fraction", False)
    assert shares["drop"] == pytest.approx(shares["int8"] - shares["fp32"])
    assert shares["method"].startswith("exact: betting on bounded scores")
    assert levels["unit"] == "grey"
    assert "bootstrap" in levels["method"]
    parallel = run_apart(pytester, "-n", "2", *written)
    assert parallel.status == pytest.ExitCode.OK, parallel.text + parallel.errors
    assert same(parallel) == same(serial)
    assert (root / "r.lines").read_text() == "accuracy of hues, levels, own, shares\n"
    assert "hue: resized by pillow" in parallel.text


def cached(found: Run, model: str) -> set[bool]:
    assert found.report is not None
    return set(found.report["models"][model]["timing"]["cached"].values())


def test_predictions_are_kept_until_a_function_changes(pytester: pytest.Pytester, root: Path) -> None:
    extension.as_conftest(root)
    kept = ("--quant-cache", str(root / "cache"))
    assert cached(run_quant(pytester, *kept), "shares") == {False}
    again = run_quant(pytester, *kept)
    assert [cached(again, model) for model in ("hues", "shares", "levels")] == [{True}] * 3
    (root / "conftest.py").write_text(extension.MODULE.replace(".reshape(-1)", ".reshape(-1)[::-1]"))
    changed = run_quant(pytester, *kept)
    assert cached(changed, "shares") == {False}
    assert changed.metric("shares", "mae")["fp32"] != again.metric("shares", "mae")["fp32"]


def test_early_stop_where_samples_one_by_one_can_decide(pytester: pytest.Pytester, root: Path) -> None:
    extension.as_conftest(root)
    found = run_quant(pytester, "--quant-early-stop")
    assert found.status == pytest.ExitCode.OK, found.text
    assert found.report is not None
    evaluated = {name: model["samples"]["evaluated"] for name, model in found.report["models"].items()}
    assert evaluated["hues"] < 60
    assert evaluated["shares"] < 60
    assert evaluated["levels"] == 60
    assert "no early stop" in found.text


@pytest.mark.parametrize(("metric", "model", "sign"), [("mae", "shares", -1), ("level", "levels", 1)])
def test_the_baseline_knows_which_way_is_worse(
    metric: str, model: str, sign: int, pytester: pytest.Pytester, root: Path
) -> None:
    extension.as_conftest(root)
    baseline = root / "baseline.json"
    flags = ("--quant-baseline", str(baseline), "-k", model)
    run_quant(pytester, *flags, "--quant-update-baseline")
    assert run_quant(pytester, *flags).cases[f"{model}::baseline[{metric}]"]["verdict"] == "pass"
    content = json.loads(baseline.read_text())
    values = content["models"][model]["metrics"][metric]
    values["int8"] += sign * 0.05 * values["int8"]  # the baseline was better
    baseline.write_text(json.dumps(content))
    worse = run_quant(pytester, *flags).cases[f"{model}::baseline[{metric}]"]
    assert worse["verdict"] == "fail", worse["reason"]
    values["int8"] *= 1 - 0.2 * sign  # it was worse
    baseline.write_text(json.dumps(content))
    assert run_quant(pytester, *flags).cases[f"{model}::baseline[{metric}]"]["verdict"] == "pass"


def test_limits_fail_in_the_metrics_own_direction(pytester: pytest.Pytester, root: Path) -> None:
    extension.as_conftest(root)
    bad = tiny.write_bad_model(
        root, "bad", task="shares", dataset="mine", input={"blob": "data"}, tolerance={"mae": 0.05}
    )
    ceiling = tiny.model_entry(
        root, "ceiling", task="shares", dataset="mine", input={"blob": "data"}, tolerance=None, floor={"mae": 0.05}
    )
    extension.write_zoo(root, bad=bad, ceiling=ceiling)
    found = run_quant(pytester, "-k", "bad or ceiling")
    assert found.verdicts["bad::mae"] == "fail"
    assert found.cases["bad::mae"]["value"] > 0.05
    assert found.verdicts["ceiling::floor[mae]"] == "fail"
    assert "worst layers" in found.text


@pytest.mark.parametrize("how", ["conftest", "installed"])
def test_the_command_line_finds_the_same(
    how: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bring(how, root, monkeypatch)
    for model in ("hues", "shares"):
        assert main(["diagnose", "--zoo", str(root / "zoo.quant.yaml"), "--model", model, "--samples", "2"]) == 0
        assert "conv" in capsys.readouterr().out


def test_without_it_the_zoo_says_what_is_unknown(pytester: pytest.Pytester, root: Path) -> None:
    found = run_quant(pytester)
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert "found 'shades', expected one of" in found.text


def test_a_taken_name_is_an_error_that_names_both(
    pytester: pytest.Pytester, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(extension.as_installed(root), monkeypatch)
    extension.as_conftest(root)
    message = "conftest.py registers the task 'brightest', which quant-shades has registered already"
    found = run_quant(pytester)
    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert message in found.errors
    assert main(["diagnose", "--zoo", str(root / "zoo.quant.yaml"), "--model", "hues"]) == 2
    assert message in capsys.readouterr().err


def test_a_task_that_lacks_something_is_an_error_that_says_what(pytester: pytest.Pytester, root: Path) -> None:
    (root / "conftest.py").write_text(extension.MODULE.replace('metrics = {"hue"', 'kinds = {"hue"'))
    found = run_quant(pytester)
    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert "conftest.py registers the task 'brightest', which lacks metrics" in found.errors


def test_a_report_without_a_writer_is_an_error(pytester: pytest.Pytester, root: Path) -> None:
    extension.as_conftest(root)
    found = run_quant(pytester, "--quant-report", "r.xlsx")
    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert "--quant-report: r.xlsx: expected a file name that ends in one of .json, .md" in found.errors
    assert ".lines" in found.errors


def test_without_quant_no_hook_is_called(pytester: pytest.Pytester, root: Path) -> None:
    (root / "conftest.py").write_text("def pytest_quant_register(registry): raise RuntimeError('called')\n")
    assert run_inside(pytester, "-p", "no:cacheprovider").ret == pytest.ExitCode.OK


class TestLateConftest:
    """A conftest.py that pytest loads when it collects its folder."""

    @pytest.fixture(autouse=True)
    def folder(self, root: Path) -> Path:
        folder = root / "zoos" / "mine"
        folder.mkdir(parents=True)
        (root / "zoo.quant.yaml").unlink()
        extension.write_zoo(folder)
        extension.as_conftest(folder)
        return folder

    def test_it_is_soon_enough_also_for_the_process_that_reports(self, pytester: pytest.Pytester) -> None:
        serial, parallel = run_quant(pytester), run_quant(pytester, "-n", "2")
        assert serial.status == parallel.status == pytest.ExitCode.OK, parallel.text + parallel.errors
        assert same(parallel) == same(serial)
        for found in (serial, parallel):
            assert "hue: resized by pillow" in found.text
            assert "mae: mean over samples, lower is better" in found.text

    def test_what_it_lacks_fails_its_folder(self, pytester: pytest.Pytester, folder: Path) -> None:
        (folder / "conftest.py").write_text(extension.MODULE.replace('metrics = {"hue"', 'kinds = {"hue"'))
        found = run_inside(pytester, "--quant", "-p", "no:cacheprovider")
        assert found.ret == pytest.ExitCode.INTERRUPTED
        found.stdout.fnmatch_lines(["*zoos/mine/conftest.py registers the task 'brightest', which lacks metrics*"])
        assert "Traceback" not in found.stdout.str()


PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


def test_the_example_of_the_page(pytester: pytest.Pytester, root: Path) -> None:
    """Landmarks near what the tiny net gives, so that the limits of the page hold."""
    page = PAGE.read_text(encoding="utf-8")
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL):
        (root / name).write_text(text)
    (root / "zoo.quant.yaml").unlink()
    (root / "faces").mkdir()
    (root / "images").rename(root / "faces" / "images")
    (root / "shades.txt").rename(root / "faces" / "points.txt")
    tiny.write_net(root, "landmarks")
    tiny.write_net(root, "landmarks-int8", int8=True)
    found = run_quant(pytester)
    assert found.status == pytest.ExitCode.OK, found.text
    verdicts = {case["id"].partition("::")[2]: case["verdict"] for case in found.cases.values()}
    assert verdicts["landmarks-small::nme"] == verdicts["landmarks-small::floor[nme]"] == "pass"
