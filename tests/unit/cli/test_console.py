from __future__ import annotations

import io
import sys

import pytest

from pytest_quant.cli.console import progress_bars
from pytest_quant.evaluation.engine.events import Finished, ShardDone, Started


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def draw() -> None:
    with progress_bars() as listen:
        for stage in ("absmax", "histogram"):
            listen(Started("net", stage, 3))
            for index, samples in enumerate((2, 1)):
                listen(ShardDone("net", stage, index, samples, computed=True, elapsed_s=0.1))
            listen(Finished("net", stage, 3, 0, 0.2))


def test_a_bar_for_each_pass_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    draw()
    last = [line for line in terminal.getvalue().replace("\r", "\n").splitlines() if "3/3" in line]
    assert [line.partition(":")[0].strip() for line in last] == ["absmax", "histogram"]


def test_nothing_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    draw()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
