"""Progress beside pytest's own output: on a real terminal, in a log, with every way of capturing."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests import tiny_detector
from tests.integration.runs import PLAIN, UNCACHED, run_quant
from tests.terminal import Shown, run_on_terminal
from tests.tiny import model_entry, write_images, write_zoo

SLOW = """
import time
from pytest_quant.evaluation.predictor import Predictor
from pytest_quant.run.progress import display

display.DRAW_EVERY_S, display.LOG_EVERY_S = 0.05, {log_every_s}
run = Predictor.run

def slowly(self, shard, note):
    time.sleep(0.6)
    return run(self, shard, note)

Predictor.run = slowly
"""
LIVE = re.compile(r"tiny: fp32, int8, \d+ of 200")
COMMAND = (sys.executable, "-m", "pytest", "--quant", *PLAIN, *UNCACHED)


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    write_images(pytester.path, 200)
    write_zoo(pytester.path, {"tiny": model_entry(pytester.path)})
    pytester.makeconftest(SLOW.format(log_every_s=60))
    return pytester.path


def without_times(text: str) -> list[str]:
    return [re.sub(r"=+ (.*) in [\d.]+s.*", r"\1", line) for line in text.splitlines()]


def drawn(shown: Shown) -> bool:
    return any(LIVE.search(screen) for screen in shown.screens)


def test_the_terminal_is_left_as_pytest_alone_leaves_it(folder: Path) -> None:
    live = run_on_terminal(COMMAND, folder)
    silent = run_on_terminal([*COMMAND, "--quant-progress", "off"], folder)
    assert drawn(live)
    assert not drawn(silent)
    assert without_times(live.end) == without_times(silent.end)
    assert "[100%]" in live.end
    assert live.status == 0
    with_drop = [screen for screen in live.screens if re.search(r"top1 drop -?\d+\.\d\d points", screen)]
    assert with_drop
    assert all("zoo.quant.yaml" in screen for screen in with_drop), "pytest's own line stays in view"


@pytest.mark.parametrize(
    ("args", "columns"),
    [(("-n", "2"), 80), (("-v", "--capture=sys"), 80), (("--capture=tee-sys",), 40)],
    ids=["xdist", "verbose-sys", "narrow"],
)
def test_live_lines_are_gone_at_the_end(folder: Path, args: tuple[str, ...], columns: int) -> None:
    shown = run_on_terminal([*COMMAND, *args], folder, columns=columns, env={"NO_COLOR": "1"})
    assert drawn(shown)
    assert not LIVE.search(shown.end)
    assert "[100%]" in shown.end
    assert shown.status == 0


@pytest.mark.parametrize(
    ("args", "env"),
    [(("-s",), {}), (("-q",), {}), ((), {"TERM": "dumb"}), (("-p", "no:terminal"), {})],
    ids=["s", "q", "dumb", "no-reporter"],
)
def test_nothing_is_drawn(folder: Path, args: tuple[str, ...], env: dict[str, str]) -> None:
    shown = run_on_terminal([*COMMAND, *args], folder, env=env)
    assert not drawn(shown)
    assert shown.status == 0


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_a_log_has_lines_that_stay(pytester: pytest.Pytester, folder: Path, workers: tuple[str, ...]) -> None:
    pytester.makeconftest(SLOW.format(log_every_s=0.1))
    found = pytester.runpytest_subprocess("--quant", *PLAIN, *UNCACHED, *workers)
    lines = [line for line in found.outlines if LIVE.search(line)]
    assert lines
    assert all(line.startswith("quant: tiny: fp32, int8, ") for line in lines)
    assert found.stdout.str().count("[100%]") == 1
    assert "\x1b" not in found.stdout.str()
    assert found.ret == 0


SCORED_AT_ONCE = """
from pytest_quant.evaluation import running_drop

running_drop.FIRST_S, running_drop.EVERY_S, running_drop.SHARE = 0.0, 0.0, 1.0
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_a_metric_that_is_not_counted_has_its_running_drop(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    root = pytester.path
    tiny_detector.write_dataset(root, images=48)
    write_zoo(root, {"boxes": tiny_detector.model_entry(root, bad=True)}, datasets={"squares": tiny_detector.DATASET})
    pytester.makeconftest(SLOW.format(log_every_s=0.1) + SCORED_AT_ONCE)
    found = pytester.runpytest_subprocess("--quant", *PLAIN, *UNCACHED, *workers)
    drops = [line for line in found.outlines if re.search(r"mAP drop [01]\.\d{4}( on \d+)? \([\d.]+ to [\d.]+\)", line)]
    assert drops, found.outlines
    assert all(line.startswith("quant: boxes: fp32, int8, ") for line in drops)


def test_quiet_runs_have_lines_when_asked(pytester: pytest.Pytester, folder: Path) -> None:
    pytester.makeconftest(SLOW.format(log_every_s=0.1))
    assert not LIVE.search(pytester.runpytest_subprocess("--quant", *PLAIN, *UNCACHED, "-q").stdout.str())
    pytester.makeini("[pytest]\nquant_progress = on\n")
    assert LIVE.search(pytester.runpytest_subprocess("--quant", *PLAIN, *UNCACHED, "-q").stdout.str())


def test_a_wrong_value_is_a_usage_error(pytester: pytest.Pytester, folder: Path) -> None:
    run = run_quant(pytester, "--quant-progress", "yes")
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert "--quant-progress: found 'yes', expected auto, on or off" in run.errors
