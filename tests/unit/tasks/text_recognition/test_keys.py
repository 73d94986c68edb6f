"""Key files with every trap that real ones hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.tasks.text_recognition.ctc import steps_of
from pytest_quant.tasks.text_recognition.keys import Alphabet, read_keys


def keys_of(folder: Path, content: bytes, *, add_blank_character: bool = False) -> tuple[str, ...]:
    path = folder / "keys.txt"
    path.write_bytes(content)
    return read_keys(path, "first", add_blank_character).keys


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (b"a\nb\n", ("a", "b")),
        (b"a\nb", ("a", "b")),  # PaddleOCR's file has no line end at its end
        (b"a\r\nb\r\n", ("a", "b")),
        (b"\xef\xbb\xbfa\nb\n", ("a", "b")),
        (b"a\n \nb\n", ("a", " ", "b")),  # a blank is a key
        ("a\n\u3000\n\u2028\n\x0b\n\x85\nb\n".encode(), ("a", "\u3000", "\u2028", "\x0b", "\x85", "b")),
        (b"a\nch\n", ("a", "ch")),
    ],
)
def test_each_line_is_a_key(tmp_path: Path, content: bytes, keys: tuple[str, ...]) -> None:
    assert keys_of(tmp_path, content) == keys


def test_the_blank_character_is_the_last_key(tmp_path: Path) -> None:
    assert keys_of(tmp_path, b"a\nb", add_blank_character=True) == ("a", "b", " ")


@pytest.mark.parametrize(
    ("content", "add_blank_character", "message"),
    [
        (b"a\n\nb\n", False, r"keys.txt, line 2: found no key"),
        (b"", False, "found no key"),
        (b"a\nb\na\n", False, "'a' stands in it more than once"),
        (b"a\n \n", True, "add_blank_character adds a second one"),
        (b"\xff\xfe", False, r"is not text in UTF-8 \(byte 0\)"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, add_blank_character: bool, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        keys_of(tmp_path, content, add_blank_character=add_blank_character)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_keys(tmp_path / "gone.txt", "first", add_blank_character=False)


ALPHABET = Alphabet(("a", "b", "c"), "last", "keys.txt")


@pytest.mark.parametrize("shape", [(7, 4), (1, 7, 4), (7, 1, 4), (4, 7), (4, 1, 7)])
def test_shapes_that_fit(shape: tuple[int, ...]) -> None:
    assert steps_of(np.zeros(shape, np.float32), "out", ALPHABET).shape == (7, 4)


def test_one_step() -> None:
    assert steps_of(np.zeros((1, 4), np.float32), "out", ALPHABET).shape == (1, 4)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (np.zeros((7, 6), np.float32), r"\(steps, 4\): keys.txt has 3 keys, and one output is the blank of CTC$"),
        (np.zeros((7, 5), np.float32), r"add_blank_character: true\}` adds the blank between words"),
        (np.zeros((7, 2, 4), np.float32), "expected"),
        (np.full((7, 4), np.nan, np.float32), "holds 28 NaN among 28 values"),
    ],
)
def test_outputs_that_do_not_fit(output: NDArray[Any], message: str) -> None:
    with pytest.raises(RunnerError, match=message):
        steps_of(output, "out", ALPHABET)
