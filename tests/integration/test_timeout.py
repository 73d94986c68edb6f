"""A net that hangs is its model's error, with the sample and the place; the run goes on and ends."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import tiny
from tests.integration import counting
from tests.integration.runs import PLAIN, UNCACHED, ZOO

HANGING = """
import time
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner

forward = NcnnRunner.run

def hangs_in_here(net, array):
    if net._setup.files.param.stem == "slow-int8":
        time.sleep(600)
    return forward(net, array)

NcnnRunner.run = hangs_in_here
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    tiny.write_images(tmp_path, count=120)
    names = ("slow", "sound")
    tiny.write_zoo(tmp_path, {name: tiny.model_entry(tmp_path, name, floor={"top1": 50.0}) for name in names})
    counting.make_distinct(tmp_path, names)
    (tmp_path / "conftest.py").write_text(HANGING)
    return tmp_path


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "n2"])
def test_a_net_that_hangs(project: Path, how: tuple[str, ...]) -> None:
    options = ("--quant", "--quant-timeout", "1.5", "--quant-report", "report.json", "--quant-report", "report.md")
    command = [sys.executable, "-m", "pytest", *PLAIN, *UNCACHED, *options, *how]
    start = time.monotonic()
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    assert time.monotonic() - start < 60
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    report = json.loads((project / "report.json").read_text())
    cases = {case["id"].removeprefix(f"{ZOO}::"): case for case in report["cases"]}
    verdicts = {name: case["verdict"] for name, case in cases.items()}
    of_samples = ("top1", "floor[top1]", "sanity")
    assert {name for name, verdict in verdicts.items() if verdict == "error"} == {f"slow::{one}" for one in of_samples}
    assert {verdict for name, verdict in verdicts.items() if name.startswith("sound::")} == {"pass"}
    reason = cases["slow::top1"]["reason"]
    assert reason.startswith("sample images/")
    assert ", int8: is not done after 1.5 s, the limit for one sample" in reason
    assert "in hangs_in_here" in reason
    reasons = {case["reason"] for name, case in cases.items() if verdicts[name] == "error"}
    assert len(reasons) <= (2 if how else 1)  # two workers may hang at the same moment, each at its own sample
    assert "is not done after 1.5 s" in done.stdout
    assert "is not done after 1.5 s" in (project / "report.md").read_text()
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("value", ["0", "-1", "soon", "inf", "nan", "1e300"])
def test_a_limit_that_is_none(project: Path, value: str) -> None:
    command = [sys.executable, "-m", "pytest", *PLAIN, *UNCACHED, "--quant", f"--quant-timeout={value}"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"--quant-timeout: found '{value}', expected seconds, a number above 0" in done.stderr
