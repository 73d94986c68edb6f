"""No class and no function is too long to be read at once, the root of the package stays empty, values have types."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pytest_quant"

MOST_LINES_OF_A_CLASS = 150
MOST_LINES_OF_A_FUNCTION = 40
"""Without its docstring, which may have a table of arguments."""

MOST_ANY = 175
MOST_ANY_DICTS = 55

ROOT = {"__init__.py", "__main__.py", "py.typed"}
"""Public names, `python -m pytest_quant`, and what says that the types hold."""


def lines_of(node: ast.AST) -> int:
    """How many lines of code a class or function has, without its own docstring."""
    assert isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is None or isinstance(node, ast.ClassDef):
        return length
    return length - ((first.end_lineno or first.lineno) - first.lineno + 1)


def too_long(source: str, name: str) -> Iterator[str]:
    """Each class and function that is over its bound."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and lines_of(node) > MOST_LINES_OF_A_CLASS:
            yield f"{name}: class {node.name} has {lines_of(node)} lines"
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and lines_of(node) > MOST_LINES_OF_A_FUNCTION:
            yield f"{name}: {node.name} has {lines_of(node)} lines"


def test_classes_and_functions_can_be_read_at_once() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 100
    found = [
        text
        for path in files
        for text in too_long(path.read_text(encoding="utf-8"), path.relative_to(PACKAGE).as_posix())
    ]
    assert found == []


def test_the_root_holds_only_what_must_be_there() -> None:
    assert {path.name for path in PACKAGE.iterdir() if path.is_file()} == ROOT


def test_values_have_types() -> None:
    """`Any` is for what a user or a file brings and nobody has checked yet, and has a name there where it can."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    assert 0 < len(re.findall(r"\bAny\b", text)) <= MOST_ANY
    assert len(re.findall(r"(?:dict|Mapping)\[str, Any\]", text)) <= MOST_ANY_DICTS


@pytest.mark.parametrize(("lines", "is_too_long"), [(39, False), (40, True)])
def test_a_function_of_so_many_lines(lines: int, is_too_long: bool) -> None:
    source = "\n".join(["def long():", '    """Its docstring', "", '    does not count."""', *["    pass"] * lines])
    assert bool(list(too_long(source, "m.py"))) is is_too_long


@pytest.mark.parametrize(("lines", "is_too_long"), [(149, False), (150, True)])
def test_a_class_of_so_many_lines(lines: int, is_too_long: bool) -> None:
    source = "\n".join(["class Long:", *["    a = 1"] * lines])
    assert bool(list(too_long(source, "m.py"))) is is_too_long
