"""A zoo of models that are broken each in its own way, beside a sound one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.integration.runs import ZOO, Run, run_quant

Entry = dict[str, Any]
Change = Callable[[Entry, Path], object]
"""What breaks a model: changes its zoo entry, or its files in the folder."""


@dataclass(frozen=True)
class Broken:
    """A way to break a model, and what is told of it."""

    change: Change
    key: str
    """Where in the entry the problem is, such as ``input.size.0``; empty: the entry as a whole."""
    says: str
    """Part of the message; ``NAME`` stands for the model's name."""

    def __str__(self) -> str:
        return f"{self.key}: {self.says[:40]}"


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


def line_of(zoo: str, keys: str) -> int:
    """The line of a key such as ``models.a.input.size.0``, or of the last key on the way that the file has.

    Reads the block style that `tiny.write_zoo` writes: a value stands deeper than its key, a list item beside it.
    """
    lines = zoo.splitlines()
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


class BrokenZoo:
    """One run of pytest over all the broken models, made when the first test asks for it."""

    def __init__(self, ways: Sequence[Broken]) -> None:
        self._names = {way: f"broken{number}" for number, way in enumerate(ways)}
        self._seen: tuple[Run, str] | None = None

    def _run(self, pytester: pytest.Pytester) -> tuple[Run, str]:
        if self._seen is None:
            folder = pytester.path
            tiny.write_images(folder, 12)
            models = {}
            for way, name in self._names.items():
                models[name] = tiny.model_entry(folder, name)
                way.change(models[name], folder)
            models["sound"] = tiny.model_entry(folder, "sound", tolerance={"top1": 9.0})
            zoo = tiny.write_zoo(folder, models)
            self._seen = run_quant(pytester), zoo.read_text()
        return self._seen

    def check(self, pytester: pytest.Pytester, way: Broken) -> None:
        """The model has one item, which fails with file, line, model and key."""
        run, zoo = self._run(pytester)
        name = self._names[way]
        keys = f"models.{name}.{way.key}".rstrip(".")
        case = run.cases[f"{name}::config"]
        assert case["reason"].startswith(f"{ZOO}:{line_of(zoo, keys)}: {keys}: ")
        assert way.says.replace("NAME", name) in case["reason"]
        assert case["reason"] in run.text
        assert (case["kind"], case["model"], case["verdict"], case["outcome"]) == ("config", name, "error", "failed")

    def check_the_rest(self, pytester: pytest.Pytester) -> None:
        """The sound model was measured, every broken one has one item, and the run failed."""
        run, _ = self._run(pytester)
        broken = {f"{name}::config": "error" for name in self._names.values()}
        assert run.verdicts == {**broken, "sound::top1": "pass", "sound::int8": "pass"}
        assert "Traceback" not in run.text
        assert run.status == pytest.ExitCode.TESTS_FAILED
