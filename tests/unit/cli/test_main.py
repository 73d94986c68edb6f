from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from pytest_quant.cli import lint
from pytest_quant.cli.main import main
from pytest_quant.spec.errors import QuantWarning
from tests.unit.nets.ncnn.files.nets import RUNNING_INT8_PARAM, int8_bin, write_net


def test_help_names_every_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "inspect" in text
    assert "Check a calibration table" in text


def test_called_bare_it_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    captured = capsys.readouterr()
    assert "Check a calibration table" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize("argv", [["mend"], ["lint"], ["inspect", "a.param", "--yaml"]])
def test_usage_errors_exit_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "pytest-quant" in capsys.readouterr().err


def test_a_file_that_cannot_be_used_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "no-such.param"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "pytest-quant: error: no-such.param: no such .param file\n"
    assert captured.out == ""


def test_interrupts_and_system_errors_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(error: BaseException) -> None:
        def run(_: object) -> int:
            raise error

        monkeypatch.setattr(lint, "run", run)

    raising(PermissionError(13, "Permission denied", "out.bin"))
    assert main(["lint", "x"]) == 2
    raising(KeyboardInterrupt())
    assert main(["lint", "x"]) == 130
    expected = ["pytest-quant: error: out.bin: Permission denied", "pytest-quant: error: interrupted"]
    assert capsys.readouterr().err.splitlines() == expected


def test_warnings_of_ours_are_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: object) -> int:
        warnings.warn("one image is few", QuantWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(lint, "run", run)
    assert main(["lint", "x"]) == 0
    assert capsys.readouterr().err == "pytest-quant: warning: one image is few\n"


def test_as_a_module_and_as_a_child_process(tmp_path: Path) -> None:
    param, binary = write_net(tmp_path, RUNNING_INT8_PARAM, int8_bin(top_scale=False))
    command = [sys.executable, "-m", "pytest_quant", "inspect", str(param), str(binary)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert "int8     3: Convolution 1, ConvolutionDepthWise 1, InnerProduct 1" in done.stdout
    assert done.stderr == ""


def test_the_console_script_is_this_function() -> None:
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^pytest-quant = "([\w.]+):(\w+)"$', text, re.MULTILINE)
    assert found is not None
    assert getattr(importlib.import_module(found[1]), found[2]) is main


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from pytest_quant.cli.main import _parser; _parser(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "ncnn", "cv2", "pydantic", "argcomplete"}.isdisjoint(done.stdout.split())


def test_a_shell_completes_commands_and_options(tmp_path: Path) -> None:
    pytest.importorskip("argcomplete", reason="argcomplete, of the extra `completion`, answers the shell")

    def completed(line: str) -> list[str]:
        answer = tmp_path / "answer"
        env = {
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        }
        subprocess.run([sys.executable, "-m", "pytest_quant"], env=env, check=True)
        return [word.strip() for word in answer.read_text().splitlines()]

    assert {"quantize", "inspect", "docs"} <= set(completed("pytest-quant "))
    assert completed("pytest-quant insp") == ["inspect"]
    assert "--param" in completed("pytest-quant lint --p")
