"""Every command of docs/tutorial.md prints what the page shows, and ends as the page tells."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"(?:<!-- (?P<mark>[^>]*) -->\n)?```(?P<kind>console|yaml)\n(?P<text>.*?)```\n", re.DOTALL)


def steps() -> Iterator[tuple[str, str, str]]:
    """What is to be done: ("file", name, content) or ("command", line, output)."""
    for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        mark, text = block["mark"] or "", block["text"]
        if mark == "not run":
            continue
        if block["kind"] == "yaml":
            assert mark.startswith("file: "), f"a block of yaml without a name: {text[:40]}"
            yield "file", mark.removeprefix("file: "), text
        else:
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                line, _, output = part.partition("\n")
                yield "command", line, output


def printed(line: str, folder: Path) -> str:
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GITHUB_"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "120",
        "PYTEST_ADDOPTS": "",
    }
    done = subprocess.run(["/bin/sh", "-c", line], cwd=folder, env=env, capture_output=True, text=True, check=False)
    return plain(done.stdout + done.stderr)


def plain(text: str) -> str:
    """Without what differs between machines: times, and decibels, which follow the order of float sums."""
    return re.sub(r"\d+\.\d dB", "9.9 dB", re.sub(r"in \d+\.\d\ds( \(\d:\d\d:\d\d\))?", "in 9.99s", text))


def test_the_tutorial(tmp_path: Path) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures", target_is_directory=True)
    folder = tmp_path
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    checker = doctest.OutputChecker()
    done = 0
    for kind, what, text in steps():
        if kind == "file":
            (folder / what).write_text(text, encoding="utf-8")
            continue
        found = printed(what, folder)
        expected = plain(text)
        if not checker.check_output(expected, found, doctest.ELLIPSIS):
            pytest.fail(f"$ {what}\nthe page has:\n{expected}\nit printed:\n{found}")
        if "cd gate" in what:
            folder = tmp_path / "gate"
        done += 1
    assert done == 12
    assert (folder / "quant-baseline.json").is_file()


def test_the_page_tells_of_a_red_and_a_green_gate() -> None:
    gates = [output for kind, line, output in steps() if kind == "command" and line == "pytest --quant -q"]
    assert len(gates) == 2
    assert re.search(r"^\d+ failed, \d+ passed", gates[0], re.MULTILINE)
    assert re.search(r"^\d+ passed", gates[1], re.MULTILINE)
