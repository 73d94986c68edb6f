"""Which samples a run takes, and what a verdict on a part of the dataset is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.integration.runs import Run, run_quant

COUNT = 60


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path, COUNT)
    return pytester.path


def drawn(run: Run, model: str = "tiny") -> dict[str, Any]:
    """What the report says of the samples."""
    assert run.report is not None
    samples: dict[str, Any] = run.report["models"][model]["samples"]
    return samples


def test_without_options_the_whole_dataset_is_taken(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder)
    run = run_quant(pytester)
    samples = drawn(run)
    assert (samples["evaluated"], samples["total"], samples["seed"]) == (COUNT, COUNT, 0)
    assert samples["stopped_early"] is False
    assert "a seeded random subset" not in run.text


@pytest.mark.parametrize(
    ("in_the_zoo", "args", "evaluated"),
    [
        (None, ["--quant-samples", "20"], 20),
        (20, [], 20),
        (20, ["--quant-samples", "10"], 10),
        (20, ["--quant-samples", "all"], COUNT),
        (None, ["--quant-samples", "1000"], COUNT),
        (1000, [], COUNT),
    ],
)
def test_the_size_of_the_subset(
    pytester: pytest.Pytester, folder: Path, in_the_zoo: int | None, args: list[str], evaluated: int
) -> None:
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, samples=in_the_zoo)})
    run = run_quant(pytester, *args)
    assert (drawn(run)["evaluated"], drawn(run)["total"]) == (evaluated, COUNT)
    assert f"{evaluated} of {COUNT}" in run.text
    assert f"n = {evaluated} of {COUNT}" in run.cases["tiny::top1"]["reason"]
    assert ("n < N: a seeded random subset" in run.text) is (evaluated < COUNT)


def test_the_size_can_stand_in_the_ini_file(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder)
    pytester.makeini("[pytest]\nquant_samples = 20\nquant_seed = 3\n")
    assert (drawn(run_quant(pytester))["evaluated"], drawn(run_quant(pytester))["seed"]) == (20, 3)
    assert drawn(run_quant(pytester, "--quant-samples", "30", "--quant-seed", "0"))["evaluated"] == 30


def test_the_seed_chooses_the_samples(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder)
    runs = [run_quant(pytester, "--quant-samples", "20", "--quant-seed", seed) for seed in ("0", "1", "0")]
    hashes = [drawn(run)["sha256"] for run in runs]
    assert hashes[0] == hashes[2] != hashes[1]
    assert [drawn(run)["seed"] for run in runs] == [0, 1, 0]
    assert ", seed 1" in run_quant(pytester, "--quant-samples", "20", "--quant-seed", "1").text


def test_a_model_that_is_plainly_worse_fails_on_a_subset(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder, floor={"top1": 70.0})})
    run = run_quant(pytester, "--quant-samples", "30")
    assert run.verdicts == {"bad::top1": "fail", "bad::floor[top1]": "fail", "bad::int8": "pass"}
    low = run.metric("bad")["ci"][0]
    assert low > 5.0
    assert "a random subset, seed 0" in run.text


def test_a_subset_that_decides_nothing(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, tolerance={"top1": 2.0}, floor={"top1": 85.0})})
    subset = ["--quant-samples", "20"]
    failing = run_quant(pytester, *subset)
    assert failing.verdicts == {
        "tiny::top1": "inconclusive",
        "tiny::floor[top1]": "inconclusive",
        "tiny::int8": "pass",
    }
    assert "20 of 60 samples do not decide it at 95 % confidence" in failing.cases["tiny::top1"]["reason"]
    assert f"INCONCLUSIVE: {failing.cases['tiny::top1']['reason']}" in failing.text
    assert failing.status == pytest.ExitCode.TESTS_FAILED
    low, high = failing.metric("tiny")["ci"]
    assert low < 2.0 < high

    passing = run_quant(pytester, *subset, "--quant-inconclusive", "pass")
    assert passing.verdicts == {
        "tiny::top1": "inconclusive passed",
        "tiny::floor[top1]": "inconclusive passed",
        "tiny::int8": "pass",
    }
    passing.result.stdout.fnmatch_lines(["tiny * INCONCLUSIVE (allowed)"])
    assert passing.status == pytest.ExitCode.OK

    pytester.makeini("[pytest]\nquant_inconclusive = pass\n")
    assert run_quant(pytester, *subset).status == pytest.ExitCode.OK
    assert run_quant(pytester, *subset, "--quant-inconclusive", "fail").status == pytest.ExitCode.TESTS_FAILED


def test_xfail_covers_an_inconclusive_case(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, tolerance={"top1": 2.0}, xfail={"top1": "issue 7"})})
    run = run_quant(pytester, "--quant-samples", "20")
    assert run.verdicts["tiny::top1"] == "inconclusive xfailed"
    assert run.status == pytest.ExitCode.OK


def test_the_confidence_sets_the_interval(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder)
    usual, wide = run_quant(pytester), run_quant(pytester, "--quant-confidence", "0.995")
    assert (usual.metric("tiny")["ci_level"], wide.metric("tiny")["ci_level"]) == (0.9, 0.99)
    assert wide.metric("tiny")["ci"][0] < usual.metric("tiny")["ci"][0]
    assert wide.metric("tiny")["ci"][1] > usual.metric("tiny")["ci"][1]
    assert "CI: 99 %, its two bounds one-sided at 99.5 %" in wide.text
    assert "(99% CI " in wide.cases["tiny::top1"]["reason"]


def test_one_sample_is_a_dataset_too(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "list.txt").write_text("images/000.png 0\n")
    tiny.write_zoo(folder)
    run = run_quant(pytester)
    assert drawn(run)["total"] == 1
    assert run.metric("tiny")["fp32"] in (0.0, 100.0)
