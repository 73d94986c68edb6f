"""Files that are read as a whole are bounded, and messages show what can be read of what they quote."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

import pytest

from pytest_quant.datasets.coco_json import read_json
from pytest_quant.datasets.label_list import read_label_list
from pytest_quant.datasets.text_lines import read_text
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.files.table import read_table
from pytest_quant.spec.errors import ConfigError, QuantError
from pytest_quant.spec.whole_file import MOST_BYTES, whole_file
from pytest_quant.tasks.text_recognition.keys import read_keys


def test_at_the_bound(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert whole_file(file, most=5) == b"12345"
    with pytest.raises(OSError, match="it has 5 bytes, and may have 4"):
        whole_file(file, most=4)


@pytest.mark.parametrize(
    "read",
    [
        read_label_list,
        read_text,
        read_json,
        read_param,
        read_table,
        partial(read_keys, blank="first", add_blank_character=False),
    ],
)
def test_a_file_of_gigabytes_is_a_message(tmp_path: Path, read) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "file.txt"
    file.write_bytes(b"7767517\n" * 1000)
    os.truncate(file, 64 << 30)
    with pytest.raises(QuantError, match=rf"file\.txt.* cannot be read: it has {64 << 30} bytes, and may have"):
        read(file)


def test_line_ends_of_lists_are_those_of_text_files(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbfa.png 1\r\nb.png 2\rc.png 3\n")
    assert [line.path for line in read_label_list(tmp_path / "list.txt")] == ["a.png", "b.png", "c.png"]


def test_a_line_of_megabytes_is_shown_by_its_ends() -> None:
    text = str(ConfigError(f"first\nfound {'x' * 3_000_000}, expected a number\nlast"))
    assert len(text) < 5000
    assert text.startswith("first\nfound xxx")
    assert text.endswith("xxx, expected a number\nlast")
    assert re.search(r" \[29960\d\d characters left out\] ", text)
    short = "y" * 3999
    assert str(ConfigError(short)) == short
    assert MOST_BYTES > 1e9
