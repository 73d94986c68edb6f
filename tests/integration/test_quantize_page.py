"""What docs/quantize.md shows is what the command line prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pytest_quant.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "quantize.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that looks like a checkout."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_prints_what_the_page_shows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    commands = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    assert len(commands) == 4
    for command in commands:
        line, _, expected = command.partition("\n")
        program, *argv = shlex.split(line)
        assert program == "pytest-quant"
        assert main(argv) == 0
        assert capsys.readouterr().out == expected, line


def test_the_python_example_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "quantize.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out == "45 layers are int8\n"
    assert (folder / "panet-int8.bin").exists()


def test_every_subcommand_of_the_help_is_on_some_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = re.findall(r"^    ([a-z]+)\b", capsys.readouterr().out, re.MULTILINE)
    assert {"quantize", "calibrate", "lint", "inspect"} <= set(listed)
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "".join(path.read_text(encoding="utf-8") for path in pages)
    assert [name for name in listed if f"`{name}`" not in text and f"pytest-quant {name}" not in text] == []
