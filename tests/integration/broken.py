"""A zoo of two models, one of which is broken in a known way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.integration.runs import ZOO, run_quant

Entry = dict[str, Any]
Change = Callable[[Entry, Path], object]
"""What breaks a model: changes its zoo entry, or its files in the folder."""


def put(value: Any, *keys: str) -> Change:
    """Set a key of the entry."""

    def change(entry: Entry, _: Path) -> None:
        for key in keys[:-1]:
            entry = entry.setdefault(key, {})
        entry[keys[-1]] = value

    return change


def drop(*keys: str) -> Change:
    """Remove a key of the entry."""

    def change(entry: Entry, _: Path) -> None:
        for key in keys[:-1]:
            entry = entry[key]
        del entry[keys[-1]]

    return change


def line_of(zoo: Path, keys: str) -> int:
    """The line of a key such as ``models.a.input.size.0``, or of the last key on the way that the file has.

    Reads the block style that `tiny.write_zoo` writes: a value stands deeper than its key, a list item beside it.
    """
    lines = zoo.read_text().splitlines()
    line, indent = -1, -1
    for key in keys.split("."):
        start = "- " if key.isdigit() else f"{key}:"
        block = []
        for number in range(line + 1, len(lines)):
            text = lines[number]
            if len(text) - len(text.lstrip()) < indent + (start != "- "):
                break
            block.append(number)
        matches = [number for number in block if lines[number].lstrip().startswith(start)]
        if not matches:
            break
        line = matches[int(key) if key.isdigit() else 0]
        indent = len(lines[line]) - len(lines[line].lstrip())
    return line + 1


def check_only_this_fails(pytester: pytest.Pytester, change: Change, key: str, says: str) -> None:
    """Break one of two models; its one item fails with file, line, model, key and ``says``, the other model passes."""
    folder = pytester.path
    tiny.write_images(folder, 12)
    entry = tiny.model_entry(folder, "broken")
    change(entry, folder)
    zoo = tiny.write_zoo(folder, {"broken": entry, "sound": tiny.model_entry(folder, "sound", tolerance={"top1": 9.0})})

    run = run_quant(pytester)

    keys = f"models.broken.{key}".rstrip(".")
    message = run.cases["broken::config"]["reason"]
    assert message.startswith(f"{ZOO}:{line_of(zoo, keys)}: {keys}: ")
    assert says in message
    assert message in run.text
    assert "Traceback" not in run.text
    assert run.verdicts == {"broken::config": "error", "sound::top1": "pass", "sound::int8": "pass"}
    assert (run.cases["broken::config"]["kind"], run.cases["broken::config"]["model"]) == ("config", "broken")
    assert run.status == pytest.ExitCode.TESTS_FAILED
