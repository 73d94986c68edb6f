"""Images of words: the three forms of annotation files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.datasets.words import TextLinesOptions
from pytest_quant.extending.known import open_dataset
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError, DatasetMissingError
from tests.unit.datasets.specs import write_png


def texts(folder: Path, content: str, images: tuple[str, ...] = ("a.png", "b.png")) -> dict[str, Any]:
    for name in images:
        write_png(folder / "images" / name)
    (folder / "gt.txt").write_text(content, encoding="utf-8", newline="")
    options = TextLinesOptions(images=folder / "images", annotations=folder / "gt.txt")
    dataset = open_dataset(DatasetSpec("words", "text-lines", options, folder / "zoo.quant.yaml"))
    return {sample.id: sample.truth for sample in dataset.samples}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('\ufeffa.png, "JOINT"\r\nb.png, "one, two"\r\n', ("JOINT", "one, two")),
        ('a.png, "READER\\""\nb.png, ""x""', ('READER"', '"x"')),
        ('a.png, " x "\n\nb.png, ""\n', (" x ", "")),
        ("a.png, plain\nb.png,y", ("plain", "y")),
        ('a.png, "a\u2028b"\nb.png, "\u00e9"', ("a\u2028b", "\u00e9")),
        ("a.png\tone, two\nb.png\t x \n", ("one, two", " x ")),
        ('{"filename": "a.png", "text": "x"}\n{"filename": "./b.png", "text": "y"}\n', ("x", "y")),
        (
            json.dumps({"data_list": [{"img_path": n, "instances": [{"text": n[0]}]} for n in ("a.png", "b.png")]}),
            ("a", "b"),
        ),
    ],
)
def test_forms(tmp_path: Path, content: str, expected: tuple[str, str]) -> None:
    assert texts(tmp_path, content) == dict(zip(("a.png", "b.png"), expected, strict=True))


def test_words_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    assert texts(tmp_path, 'a.png, "###"\nb.png, "#1"\n') == {"b.png": "#1"}
    with pytest.raises(DatasetError, match="names no text"):
        texts(tmp_path, 'a.png, "#"\n')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a.png JOINT\n", r"gt.txt, line 1: found 'a.png JOINT', expected 'file, \"text\"'"),
        ('a.png, "JOINT\n', "line 1: found '\"JOINT', expected a text between two quotes"),
        ('../a.png, "x"\n', "line 1: found the path '../a.png'"),
        ('a.png, "x"\n./a.png, "y"\n', "'a.png' stands in it twice, in line 1 and line 2"),
        ('a.png, "x"\ngone.png, "y"\n', "1 of 2 images .* the first is 'gone.png' in line 2"),
        ('{"filename": "a.png"}\n{"filename": 3, "text": "y"}\n', "line 1: found instances nothing"),
        ('{"data_list": 3}', "data_list: found 3"),
        ('{"data_list": [{"img_path": "a.png", "instances": [{}, {}]}]}', r"data_list\[0\]: found instances"),
        ('{"filename": "a.png", "text": "x"}\nnot json\n', "line 2: is not json"),
    ],
)
def test_bad_files(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        texts(tmp_path, content)


def test_absent_folder(tmp_path: Path) -> None:
    options = TextLinesOptions(images=tmp_path / "images", annotations=tmp_path / "gt.txt")
    with pytest.raises(DatasetMissingError, match=r"images \(`images`\) does not exist"):
        open_dataset(DatasetSpec("words", "text-lines", options, tmp_path / "zoo.quant.yaml"))
