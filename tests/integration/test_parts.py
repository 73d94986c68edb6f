"""``--quant-shard I/N`` and ``pytest-quant merge``: the parts of a run together are the whole run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import tiny, tiny_onnx
from tests.integration.runs import PLAIN, ZOO, Run, run_inside, run_quant
from tests.unit.report.volatile import without_volatile

FIXTURES = Path(__file__).parents[2] / "fixtures"
OF = 3
UNDIAGNOSED = "--no-quant-diagnose"


def run_part(pytester: pytest.Pytester, index: int, *args: str, of: int = OF) -> Run:
    """One part, whose report is ``partI.json``."""
    path = pytester.path / f"part{index}.json"
    run = run_quant(pytester, "--quant-shard", f"{index}/{of}", "--quant-report", str(path), *args)
    (pytester.path / "report.json").unlink(missing_ok=True)
    return run


def run_parts(pytester: pytest.Pytester, *args: str) -> None:
    for index in range(1, OF + 1):
        run = run_part(pytester, index, *args)
        assert run.status == 0, run.text


def run_apart(folder: Path, report: str, *args: str) -> Run:
    """``pytest --quant`` in a process of its own."""
    return _run(folder, "pytest", "--quant", "-p", "no:cacheprovider", "--quant-report", report, *args, report=report)


def merge(folder: Path, *args: str, parts: Sequence[str] = ("part1.json", "part2.json", "part3.json")) -> Run:
    """``pytest-quant merge`` in a process of its own, as in a CI job."""
    (folder / "merged.json").unlink(missing_ok=True)
    return _run(folder, "pytest_quant", "merge", *parts, "--report", "merged.json", *args, report="merged.json")


def _run(folder: Path, module: str, *args: str, report: str) -> Run:
    environment = {**os.environ, "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    command = [sys.executable, "-m", module, *args]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    result = pytest.RunResult(done.returncode, done.stdout.splitlines(), done.stderr.splitlines(), 0.0)
    path = folder / report
    return Run(result, json.loads(path.read_text()) if path.exists() else None)


def same(one: Run, other: Run) -> None:
    """The same report, but for the layers that a merge without images cannot compare."""
    assert one.report is not None
    assert other.report is not None, other.errors
    left, right = plain(one.report), plain(other.report)
    for name, model in left["models"].items():
        assert right["models"][name] == model
    assert right == left
    assert other.status == one.status


def plain(report: dict[str, Any]) -> dict[str, Any]:
    left = without_volatile(report)
    for model in left["models"].values():
        model.pop("diagnosis", None)
    return left


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    pytester.makeini("[pytest]")
    tiny.write_images(pytester.path, 50)
    return pytester.path


def test_all_tasks_of_the_fixtures(pytester: pytest.Pytester) -> None:
    """Whole and in parts, one of them by two workers; the merge has the nets and no dataset."""
    pytester.makeini("[pytest]")
    for name in ("models", "data"):
        (pytester.path / name).symlink_to(FIXTURES / name)
    for name in (ZOO, "more.quant.yaml"):
        (pytester.path / name).write_text((FIXTURES / name).read_text())
    args = ("--quant-samples", "7", UNDIAGNOSED)
    whole = run_apart(pytester.path, "whole.json", *args)
    assert whole.report is not None
    assert {model["task"] for model in whole.report["models"].values()} == {
        *("classification", "text-detection", "keypoints", "object-detection"),
        *("semantic-segmentation", "text-recognition"),
    }
    for index in (1, 2, 3):
        workers = ("-n", "2") if index == 2 else ()
        part = run_apart(pytester.path, f"part{index}.json", "--quant-shard", f"{index}/3", *args, *workers)
        assert part.status == 0, part.text
    (pytester.path / "data").unlink()
    same(whole, merge(pytester.path))


LIMITS: dict[str, Any] = {
    "tolerance": {"top1": 5.0},
    "floor": {"top1": 60.0, "agreement": 50.0, "sqnr_db": 5.0},
    "class_tolerance": {"top1": 90},
    "published": {"fp32": {"top1": 84.0}},
    "require": {"samples": 50},
    "size": 0.9,
}


def test_kinds_of_limits(pytester: pytest.Pytester, folder: Path) -> None:
    """One part of three by two workers."""
    models = {
        "good": tiny.model_entry(folder, "good", **LIMITS),
        "bad": tiny.write_bad_model(folder, "bad", **LIMITS),
        "same": tiny.model_entry(folder, "same", tolerance={"top1": 5.0}),
        "known": tiny.write_bad_model(folder, "known", xfail={"top1": "known"}, tolerance={"top1": 5.0}),
    }
    models["same"]["int8"] = models["same"]["fp32"]
    tiny.write_zoo(folder, models)
    whole = run_quant(pytester, UNDIAGNOSED)
    run_part(pytester, 1, UNDIAGNOSED, "-n", "2")
    for index in (2, 3):
        run_part(pytester, index, UNDIAGNOSED)
    for path in folder.glob("images/*"):
        path.unlink()
    (folder / "list.txt").unlink()
    merged = merge(folder)
    assert merged.verdicts["bad::top1"] == "fail"
    assert merged.verdicts["known::top1"] == "fail xfailed"
    assert merged.verdicts["same::sanity"] == "fail"
    assert merged.status == 1
    same(whole, merged)


@pytest.mark.parametrize("args", [("--quant-samples", "20"), ("--quant-seed", "4"), ("--quant-samples", "2")])
def test_subsets_and_seeds(pytester: pytest.Pytester, folder: Path, args: tuple[str, ...]) -> None:
    """With two samples the third part is empty."""
    tiny.write_zoo(folder)
    whole = run_quant(pytester, UNDIAGNOSED, *args)
    run_parts(pytester, UNDIAGNOSED, *args)
    same(whole, merge(folder))


def test_a_part_decides_what_takes_no_samples(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, require={"runtime": "reference"})})
    run = run_part(pytester, 2)
    part = json.loads((folder / "part2.json").read_text())
    cases = {case["id"].rpartition("::")[2]: (case["verdict"], case["reason"]) for case in part["cases"]}
    assert cases["top1"] == ("skipped", "part 2 of 3: pytest-quant merge decides")
    assert [cases[name][0] for name in ("int8", "require[runtime]")] == ["pass"] * 2
    assert part["models"] == {}
    assert run.status == 0
    assert "part 2 of 3: pytest-quant merge decides, from the reports of all parts" in run.text


def test_tests_in_python_are_decided_by_the_merge(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder)
    pytester.makepyfile(
        """
        from pytest_quant import quant_model, quant_tolerance

        @quant_model("tiny")
        @quant_tolerance(top1=5.0)
        def test_scores(quant_scores):
            assert quant_scores.fp32.top1 > 50
            assert quant_scores.flips.agreement_pct > 100
        """
    )
    whole = run_quant(pytester, UNDIAGNOSED)
    run_parts(pytester, UNDIAGNOSED)
    merged = merge(folder)
    assert merged.status == 1
    assert "quant_scores.flips.agreement_pct > 100" in merged.text
    same(whole, merged)


def test_the_baseline_comes_with_the_merge(pytester: pytest.Pytester, folder: Path) -> None:
    net = {"file": tiny_onnx.write_qdq(folder), "floor": {"sqnr_db": 9.0}}
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, onnx_int8=net)})
    baseline = folder / "baseline.json"
    run_quant(pytester, "--quant-baseline", str(baseline), "--quant-update-baseline")
    whole = run_quant(pytester, "--quant-baseline", str(baseline))
    run_parts(pytester)
    of_net = [f"tiny::baseline[onnx_int8.{metric}]" for metric in ("top1", "sqnr_db")]
    assert [whole.verdicts[name] for name in of_net] == ["pass", "pass"]
    same(whole, merge(folder, "--baseline", "baseline.json"))
    baseline.write_text(baseline.read_text().replace('"int8": 8', '"int8": 9'))
    merged = merge(folder, "--baseline", "baseline.json")
    assert merged.verdicts["tiny::baseline[top1]"] == merged.verdicts[of_net[0]] == "fail"


def test_only_the_selected_tests_are_decided(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {name: tiny.model_entry(folder, name) for name in ("one", "two")})
    run_parts(pytester, "-k", "one and top1")
    assert list(merge(folder).cases) == ["one::top1"]


def test_the_merge_reads_the_ini_file_of_its_root(pytester: pytest.Pytester, folder: Path) -> None:
    """Whichever other folders the command names."""
    pytester.makeini("[pytest]\nquant_max_tolerance = 60")
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, tolerance={"top1": 50.0})})
    whole = run_apart(folder, "whole.json")
    assert whole.verdicts["tiny::top1"] == "pass"
    run_parts(pytester)
    (folder / "reports").mkdir()
    (folder / "reports" / "merged.md").write_text("an earlier one")
    same(whole, merge(folder, "--report", "reports/merged.md", "--history", "history.sqlite"))


def test_a_page_without_pictures(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder)})
    run_parts(pytester)
    for path in folder.glob("images/*"):
        path.unlink()
    merged = merge(folder, "--report", "merged.html", "--report", "merged.md")
    assert merged.status == 1
    assert merged.verdicts["bad::top1"] == "fail"
    assert "bad" in (folder / "merged.html").read_text(encoding="utf-8")
    assert "bad" in (folder / "merged.md").read_text(encoding="utf-8")


def test_what_cannot_be_evaluated_is_red_in_its_part_and_in_the_merge(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder)
    run_part(pytester, 1)
    run_part(pytester, 2)
    for image in folder.glob("images/*"):
        image.write_bytes(b"no image")
    assert run_part(pytester, 3).status == 1
    merged = merge(folder)
    assert merged.status == 1
    assert "part 3 of 3 lacks it: its run says why" in merged.cases["tiny::top1"]["reason"]


def test_a_part_without_the_dataset_is_named(pytester: pytest.Pytester, folder: Path) -> None:
    """As one that was interrupted before it came to it."""
    tiny.write_zoo(folder)
    run_part(pytester, 1)
    (folder / "list.txt").rename(folder / "away.txt")
    assert run_part(pytester, 2).status == 1
    (folder / "away.txt").rename(folder / "list.txt")
    run_part(pytester, 3)
    merged = merge(folder)
    assert merged.status == 1
    assert "dataset 'colours': part 2 of 3 lacks it: its run says why" in merged.cases["tiny::top1"]["reason"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--quant-shard", "0/3"], "--quant-shard: found '0/3', expected I/N, the I-th of N parts counted from 1"),
        (["--quant-shard", "4/3"], "--quant-shard: found '4/3', expected I/N"),
        (["--quant-shard", "1"], "--quant-shard: found '1', expected I/N"),
        (["--quant-shard", "1/2", "--quant-early-stop"], "--quant-shard and --quant-early-stop exclude each other"),
        (["--quant-shard", "1/2", "--quant-rescue"], "--quant-shard and --quant-rescue exclude each other"),
        (["--quant-shard", "1/2", "--quant-diagnose"], "--quant-shard and --quant-diagnose exclude each other"),
        (["--quant-shard", "1/2", "--quant-target", "popen"], "--quant-shard and --quant-target exclude each other"),
        (
            ["--quant-shard", "1/2", "--quant-baseline", "b.json", "--quant-update-baseline"],
            "pytest-quant merge has --update-baseline",
        ),
    ],
)
def test_usage_errors(pytester: pytest.Pytester, args: list[str], says: str) -> None:
    tiny.write_zoo(pytester.path)
    run = run_quant(pytester, *args)
    assert says in run.errors
    assert run.status == pytest.ExitCode.USAGE_ERROR


def test_a_part_without_a_report_is_a_usage_error(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path)
    result = run_inside(pytester, "--quant", *PLAIN, "--quant-shard", "1/2", "--quant-report", "part.md")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "name the report of the part, with --quant-report part.json" in result.stderr.str()


@pytest.fixture
def parts(pytester: pytest.Pytester, folder: Path) -> Path:
    tiny.write_zoo(folder)
    run_parts(pytester)
    return folder


def _environment(name: str, value: object) -> Any:
    return lambda report: report["environment"].__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_environment("ncnn", "0.1"), "the version of ncnn is 0.1 there and"),
        (_environment("isa", ["neon"]), "the instruction set is neon there and"),
        (lambda report: report["environment"]["options"].update(seed=7), "the option seed is 7 there and 0 here"),
        (lambda report: report["part"].update(of=4), "part2.json is one of 4 parts, part1.json one of 3"),
        (lambda report: report["part"].update(tests=["other::top1"]), "other::top1 is in one of them only"),
        (lambda report: report.pop("part"), "part2.json: is the report of a whole run"),
        (
            lambda report: report["part"]["models"]["zoo.quant.yaml::tiny"]["digests"].update({"int8.bin": "ab"}),
            "int8.bin of zoo.quant.yaml::tiny is ab there and",
        ),
        (
            lambda report: report["part"]["datasets"]["zoo.quant.yaml::colours"]["digests"].update(dataset="ab"),
            "dataset of zoo.quant.yaml::colours is ab there and",
        ),
    ],
)
def test_a_foreign_part_is_named(parts: Path, change: Any, says: str) -> None:
    path = parts / "part2.json"
    report = json.loads(path.read_text())
    change(report)
    path.write_text(json.dumps(report))
    refused(merge(parts), says)


def refused(run: Run, says: str) -> None:
    assert says in run.errors
    assert run.status == 2
    assert run.report is None


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("part1.json", "part3.json"), "part 2 of 3 is missing: found 1, 3"),
        (("part1.json", "part2.json", "part2.json", "part3.json"), "part2.json and part2.json are both part 2 of 3"),
        (("part1.json", "nowhere.json"), "nowhere.json: cannot be read"),
    ],
)
def test_missing_and_repeated_parts(parts: Path, names: tuple[str, ...], says: str) -> None:
    refused(merge(parts, parts=names), says)


def test_another_checkout_is_refused(parts: Path) -> None:
    zoo = parts / ZOO
    zoo.write_text(zoo.read_text() + "\n# edited\n")
    refused(merge(parts), "zoo.quant.yaml is not the file that the parts had")
    zoo.unlink()
    refused(merge(parts), "zoo.quant.yaml does not exist: run pytest-quant merge in the root folder")


def test_other_nets_are_refused(parts: Path) -> None:
    (net,) = parts.glob("*int8*.bin")
    net.write_bytes(net.read_bytes()[:-4] + b"\0\0\0\0")
    refused(merge(parts), "is not the file that the parts had")


def test_a_damaged_part_is_an_error(parts: Path) -> None:
    path = parts / "part2.json"
    report = json.loads(path.read_text())
    report["part"]["models"]["zoo.quant.yaml::tiny"]["items"]["predictions of int8"] = "AAAA"
    path.write_text(json.dumps(report))
    merged = merge(parts)
    assert merged.status == 1
    assert "is damaged" in merged.cases["tiny::top1"]["reason"]
