from __future__ import annotations

import posixpath
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_quant.datasets.label_list import LabelledPath, read_label_list
from pytest_quant.spec.errors import DatasetError


def parsed(tmp_path: Path, content: str | bytes) -> list[LabelledPath]:
    file = tmp_path / "list.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_label_list(file)


def test_lines_are_split_on_their_last_blank(tmp_path: Path) -> None:
    entries = parsed(tmp_path, "a/b c.png 3\nd  e.png\t0\n")
    assert entries == [LabelledPath("a/b c.png", 3, 1), LabelledPath("d  e.png", 0, 2)]


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    entries = parsed(tmp_path, b"\xef\xbb\xbfa.png 1\r\n\r\nb.png 2\r\n")
    assert entries == [LabelledPath("a.png", 1, 1), LabelledPath("b.png", 2, 3)]


def test_paths_come_in_their_shortest_form(tmp_path: Path) -> None:
    assert [entry.path for entry in parsed(tmp_path, "./a//b.png 1\nc/../d.png 1")] == ["a/b.png", "d.png"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a.png 1\nb.png\n", r"list\.txt, line 2: found 'b\.png'"),
        ("a.png -1\n", r"line 1: the label of 'a\.png' is '-1'"),
        ("a.png 1.0\n", r"'1\.0'; expected a class index"),
        ("a.png +1\n", r"'\+1'"),
        ("a.png 1_0\n", r"'1_0'"),
        ("a.png ³\n", "'³'"),
        ("a.png 12345678901\n", "12345678901"),
        ("a.png 1\nc.png 1\na.png 2\n", r"line 3: 'a\.png' is a duplicate of line 1"),
        ("a/b.png 1\na/./b.png 1\n", r"line 2: 'a/b\.png' is a duplicate of line 1"),
        ("../a.png 1\n", r"'\.\./a\.png' leaves the dataset's folder"),
        ("a/../../b.png 1\n", "leaves the dataset's folder"),
        ("/etc/passwd 1\n", "leaves the dataset's folder"),
        (".. 1\n", "leaves the dataset's folder"),
        (". 1\n", r"'\.' is not a path of a file"),
        ("a\0b 1\n", "is not a path of a file"),
        ("", r"list\.txt names no samples"),
        (" \n\n", "names no samples"),
        (b"\xff\xfea\x00", "is not text in UTF-8"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        parsed(tmp_path, content)
    assert "list.txt" in str(caught.value)


def test_a_list_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_label_list(tmp_path)


NAME = st.text(st.characters(categories=["L", "N", "P", "Zs"], exclude_characters="/"), min_size=1, max_size=8)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.lists(NAME, min_size=1, max_size=3), st.integers(0, 999)), min_size=1, max_size=8))
def test_what_is_written_is_read(tmp_path: Path, lines: list[tuple[list[str], int]]) -> None:
    expected = {posixpath.join(*(part.strip() + "x" for part in parts)): label for parts, label in lines}
    entries = parsed(tmp_path, "\n".join(f"{path} {label}" for path, label in expected.items()))
    assert {entry.path: entry.label for entry in entries} == expected
