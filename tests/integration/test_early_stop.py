"""``--quant-early-stop``: fewer samples, the same answers, the same report whoever computes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_quant.evidence.sequential import Outcomes, drop_outcomes, sequential_decision
from tests import tiny
from tests.integration.runs import run_quant
from tests.unit.report.volatile import without_volatile

COUNT = 400


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path, COUNT)
    return pytester.path


def test_a_clear_failure_stops_early(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder)})
    run = run_quant(pytester, "--quant-early-stop")
    assert run.report is not None
    samples = run.report["models"]["bad"]["samples"]
    assert run.verdicts["bad::top1"] == "fail"
    assert samples["stopped_early"] is True
    assert samples["evaluated"] < 100
    assert samples["total"] == COUNT
    assert "confidence sequence" in run.metric("bad")["method"]


def test_the_number_of_samples_is_the_tests_own(pytester: pytest.Pytester, folder: Path) -> None:
    """Not the end of a shard: it is what the sequential test needs on the outcomes in their order."""
    tiny.write_zoo(folder, {"bad": tiny.write_bad_model(folder)})
    pytester.makepyfile(
        """
        import json
        from pathlib import Path
        from pytest_quant import quant_model

        @quant_model("bad")
        def test_outcomes(quant_scores, request):
            measurement = quant_scores._measure()
            evidence = measurement.comparison.metrics["top1"].evidence
            Path("outcomes.json").write_text(json.dumps([evidence.fp32.tolist(), evidence.int8.tolist()]))
        """
    )
    run_quant(pytester)
    (folder / "all.json").write_text((folder / "outcomes.json").read_text())
    run = run_quant(pytester, "--quant-early-stop", "zoo.quant.yaml")
    assert run.report is not None
    import json

    fp32, int8 = (np.array(side) for side in json.loads((folder / "all.json").read_text()))
    assert fp32.size == COUNT
    decision, needed = sequential_decision(
        drop_outcomes(fp32, int8), Outcomes.of_drop(COUNT), limit=0.05, confidence=0.95
    )
    assert decision == "beyond"
    assert run.report["models"]["bad"]["samples"]["evaluated"] == needed


def test_all_limits_are_waited_for(pytester: pytest.Pytester, folder: Path) -> None:
    """The floor is far below the value and soon clear; the tolerance is not."""
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, floor={"top1": 20.0}, tolerance={"top1": 3.0})})
    both = run_quant(pytester, "--quant-early-stop")
    floor_alone = run_quant(pytester, "--quant-early-stop", "-k", "floor")
    assert both.report is not None
    assert floor_alone.report is not None
    assert both.verdicts["tiny::top1"] == both.verdicts["tiny::floor[top1]"] == "pass"
    needed = [run.report["models"]["tiny"]["samples"]["evaluated"] for run in (both, floor_alone) if run.report]
    assert needed[1] < needed[0]


def test_a_whole_dataset_is_exact(pytester: pytest.Pytester, folder: Path) -> None:
    """A tolerance just at the drop cannot be told from fewer samples than all."""
    tiny.write_zoo(folder)
    drop = run_quant(pytester).metric("tiny")["drop"]
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, tolerance={"top1": max(drop, 0.0)})})
    run = run_quant(pytester, "--quant-early-stop")
    assert run.report is not None
    assert run.report["models"]["tiny"]["samples"]["evaluated"] >= COUNT * 0.9
    assert run.verdicts["tiny::top1"] == "pass"


def test_a_subset_that_decides_nothing_is_inconclusive(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, tolerance={"top1": 0.5})})
    run = run_quant(pytester, "--quant-early-stop", "--quant-samples", "60")
    assert run.report is not None
    assert run.verdicts["tiny::top1"] == "inconclusive"
    assert run.report["models"]["tiny"]["samples"]["stopped_early"] is False
    assert "confidence sequence" in run.metric("tiny")["method"], "a fixed-size interval would not be valid here"


def test_a_marker_is_waited_for_too(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, tolerance={"top1": 9.0})})
    alone = run_quant(pytester, "--quant-early-stop")
    pytester.makepyfile(
        """
        from pytest_quant import quant_tolerance

        @quant_tolerance(top1=2.0)
        def test_sharp(): ...
        """
    )
    together = run_quant(pytester, "--quant-early-stop")
    assert alone.report is not None
    assert together.report is not None
    samples = [run.report["models"]["tiny"]["samples"]["evaluated"] for run in (alone, together) if run.report]
    assert samples[0] < samples[1]


def test_the_same_report_in_parallel(pytester: pytest.Pytester, folder: Path) -> None:
    models = {"bad": tiny.write_bad_model(folder), "tiny": tiny.model_entry(folder)}
    tiny.write_zoo(folder, models)
    serial = run_quant(pytester, "--quant-early-stop", "--quant-jobs", "1")
    parallel = run_quant(pytester, "--quant-early-stop", "-n", "2")
    assert serial.report is not None
    assert parallel.report is not None
    assert without_volatile(serial.report) == without_volatile(parallel.report)
