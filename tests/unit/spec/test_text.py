from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.spec.number import PrintedFloat
from pytest_quant.spec.text import brief, hanging, relative_posix, shown, suggestion, visible


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "3 (int)"),
        ("a", "'a' (str)"),
        (None, "nothing"),
        (True, "True (bool)"),
        (PrintedFloat(78.2, "78.20"), "78.2 (float)"),
        ({"b": 1, "a": 2}, "{'b': 1, 'a': 2} (dict)"),
        ([1, [2]], "[1, [2]] (list)"),
    ],
)
def test_what_was_found_is_told_with_its_type(value: Any, expected: str) -> None:
    assert brief(value) == expected


def test_long_values_are_shortened() -> None:
    text = brief(list(range(1000)))
    assert text.startswith("[0, 1, 2, ")
    assert text.endswith("... (list)")
    assert len(text) < 80


def test_paths_inside_the_working_folder_are_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert shown(tmp_path / "here" / "a" / "b.param") == "a/b.param"
    assert shown(tmp_path / "there" / "b.param") == (tmp_path / "there" / "b.param").as_posix()
    monkeypatch.chdir(tmp_path / "here" / "a")
    assert shown(tmp_path / "here" / "a" / "b.param") == "b.param"
    assert relative_posix(tmp_path / "there" / "b.param", tmp_path / "here") == "../there/b.param"


def test_only_near_names_are_suggested() -> None:
    assert suggestion("preproces", ["preprocess", "postprocess"]) == " Did you mean `preprocess`?"
    assert suggestion("xyz", ["preprocess", "postprocess"]) == ""
    assert suggestion("xyz", []) == ""


@pytest.mark.parametrize("gap", [" ", "  ", "\t", "-"])
def test_no_wrapped_line_begins_with_a_command(gap: str) -> None:
    text = visible(f"a name that is long enough{gap}::error file=x::y", lines=True)
    for width in range(20, 60):
        lines = [*hanging(text, width), *textwrap.wrap(text, width)]
        assert not [line for line in lines if line.lstrip().startswith("::")], width
