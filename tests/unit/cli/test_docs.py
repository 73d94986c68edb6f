"""``pytest-quant docs`` and the messages that point there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_quant.cli.docs import pages
from pytest_quant.cli.main import main

ROOT = Path(__file__).parents[3]


def test_the_list_has_every_page_with_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs"]) == 0
    listed = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert set(listed) == {
        path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")
    }
    assert listed["verdicts"] == "Verdicts"


@pytest.mark.parametrize("name", ["verdicts", "verdicts.md", "docs/verdicts.md"])
def test_a_page_is_printed_as_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", name]) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")


def test_an_unknown_page_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", "verdict"]) == 2
    assert "there is no page 'verdict'. Did you mean `verdicts`? The pages: " in capsys.readouterr().err


def strings() -> Iterator[tuple[Path, str]]:
    """Every string of the package that is no docstring."""
    for path in sorted((ROOT / "pytest_quant").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
                yield path, node.value


def test_a_page_that_a_message_names_is_in_the_package() -> None:
    named = {page for _, text in strings() for page in re.findall(r"pytest-quant docs ([a-z][\w/-]*)", text)}
    assert {"targets", "zoo-file"} <= named
    assert named <= set(pages())
    files = [(path.name, text) for path, text in strings() if re.search(r"docs/[\w-]+\.md", text)]
    assert files == [], "a message names a file that an installed package lacks"
