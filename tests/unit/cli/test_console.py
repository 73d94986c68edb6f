from __future__ import annotations

import io
import sys

import pytest

from pytest_quant.cli.console import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def draw() -> None:
    with progress_bar(3) as progress:
        for name in ("absmax", "histogram"):
            for done in (1, 2, 3):
                progress(name, done)


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
