"""``size`` and ``speedup``: what the files take, and how long the nets do."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.building.workbench import open_workbench
from pytest_quant.evaluation import speed
from pytest_quant.evaluation.speed import Times, measure_times
from pytest_quant.evidence.speedup import speedup
from pytest_quant.judging.assess import Assessor
from pytest_quant.judging.limits.size import MostSize
from pytest_quant.judging.limits.speedup import LeastSpeedup
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.zoo.placement import Placement
from pytest_quant.zoo.reader import find_model, read_zoo
from tests import tiny


def tiny_model(folder: Path) -> ModelSpec:
    tiny.write_images(folder)
    return find_model(read_zoo(tiny.write_zoo(folder)), "tiny")


def times(fp32_s: NDArray[Any], int8_s: NDArray[Any]) -> Times:
    return Times(fp32_s, int8_s, 16, ("ncnn 1 (avx2)", "ncnn 1 (avx2)"))


def noisy(median: float, spread: float, seed: int) -> NDArray[Any]:
    return median * np.exp(np.random.default_rng(seed).normal(0, spread, 60))


def test_the_ratio_is_that_of_the_medians() -> None:
    found = speedup(np.array([1.0, 3.0, 50.0] * 5), np.array([2.0, 1.0, 90.0] * 5), confidence=0.95)
    assert found.ratio == 1.5
    assert found.ratio in found.interval
    assert found.interval.level == 0.9


def test_the_bounds_hold_the_true_ratio_as_often_as_they_say() -> None:
    """300 machines that vary by 20 % from turn to turn; each bound errs with probability 0.05."""
    held = [
        1.5 in speedup(noisy(3, 0.2, 2 * seed), noisy(2, 0.2, 2 * seed + 1), confidence=0.95).interval
        for seed in range(300)
    ]
    assert 0.85 <= np.mean(held) <= 0.96


@pytest.mark.parametrize("turns", [9, 0])
def test_too_few_turns_are_refused(turns: int) -> None:
    with pytest.raises(ValueError, match="10 or more"):
        speedup(np.ones(turns), np.ones(turns), confidence=0.95)


def test_verdicts_of_speedup() -> None:
    fast, slow = noisy(2, 0.05, 1), noisy(3, 0.05, 2)
    passed = LeastSpeedup(1.2).of_times(times(slow, fast), 0.95)
    assert passed.decision == "pass"
    assert ">= 1.20; ncnn 1 (avx2), 1 thread" in passed.reason
    assert "60 turns on 16 samples" in passed.reason
    assert LeastSpeedup(1.2).of_times(times(fast, slow), 0.95).decision == "fail"


def test_a_noisy_machine_alone_does_not_fail_it() -> None:
    found = LeastSpeedup(1.5).of_times(times(noisy(3, 1.0, 1), noisy(2.1, 1.0, 2)), 0.95)
    assert found.decision == "inconclusive"
    assert "run again on a machine that does nothing else" in found.reason


def test_both_nets_are_timed_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "MOST_TURNS", 30)
    found = measure_times(open_workbench(tmp_path / "run", cores=1), tiny_model(tmp_path))
    assert found.fp32_s.shape == found.int8_s.shape == (30,)
    assert min(found.fp32_s.min(), found.int8_s.min()) > 0
    assert found.samples == speed.MOST_SAMPLES
    assert all(told.startswith("ncnn 1.") for told in found.runtimes)


def test_it_is_measured_on_the_target_with_fp32_there_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "MOST_TURNS", 20)
    model = Placement(f"popen//python={sys.executable}", "int8").of_model(tiny_model(tmp_path))
    found = measure_times(open_workbench(tmp_path / "run", cores=1), model)
    assert found.runtimes[0] == found.runtimes[1]
    assert " on " in found.runtimes[0]


def test_times_of_two_machines_say_nothing(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    fp32 = replace(model.nets["fp32"], target="ssh=board")
    with pytest.raises(ConfigError, match="fp32 runs on ssh=board and int8 on this machine"):
        measure_times(open_workbench(tmp_path / "run", cores=1), replace(model, nets={**model.nets, "fp32": fp32}))


@pytest.mark.parametrize("raw", [0, -1, "1.2", True, None, 1000])
def test_what_is_no_speedup(raw: object) -> None:
    with pytest.raises(ConfigError, match=r"such as 1\.2"):
        LeastSpeedup.parse(raw)


@pytest.mark.parametrize("raw", [0, 1.1, 30, "30%", False])
def test_what_is_no_share(raw: object) -> None:
    with pytest.raises(ConfigError, match=r"such as 0\.30"):
        MostSize.parse(raw)


def test_size_counts_what_is_deployed(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    share = sum((tmp_path / f"tiny-int8.{part}").stat().st_size for part in ("param", "bin")) / sum(
        (tmp_path / f"tiny.{part}").stat().st_size for part in ("param", "bin")
    )
    assessor = Assessor(open_workbench(tmp_path / "run", cores=1), confidence=0.95)
    exact = assessor.assess(model, MostSize(min(share, 1.0)))
    assert exact.value == share
    assert exact.decision == ("pass" if share <= 1 else "fail")
    less = assessor.assess(model, MostSize(share / 2))
    assert less.decision == "fail"
    assert f"= {share:.3f} > {share / 2:.3f}" in less.reason
