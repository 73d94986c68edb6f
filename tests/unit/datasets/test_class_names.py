"""Names of classes from files and folders; what is something else is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.datasets.base import Sample, names_of
from pytest_quant.datasets.class_names import class_names
from pytest_quant.datasets.files import ImageFiles


def samples(*ids: str, labels: tuple[int, ...]) -> list[Sample]:
    return [Sample(one, label, Path(one)) for one, label in zip(ids, labels, strict=True)]


@pytest.mark.parametrize(
    ("file", "text", "names"),
    [
        ("classes.txt", "cat\r\npolar bear\r\n", ("cat", "polar bear")),
        ("synset_words.txt", "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius\n", ("tench", "goldfish")),
        ("synsets.txt", "n01440764\nn01443537\nn01484850\n\n", ("n01440764", "n01443537", "n01484850")),
        ("classes.txt", "cat\n", None),
        ("classes.txt", "cat\n\ndog\n", None),
        ("labels.txt", "cat\ndog\n", None),
    ],
)
def test_files(tmp_path: Path, file: str, text: str, names: tuple[str, ...] | None) -> None:
    (tmp_path / file).write_text(text)
    assert class_names([tmp_path / "absent", tmp_path], samples("1.png", "2.png", labels=(0, 1))) == names


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\x00")
    assert class_names([tmp_path], samples("1.png", labels=(0,))) is None


def test_folders() -> None:
    assert class_names([], samples("cat/1", "cat/2", "dog/1", labels=(0, 0, 2))) == ("cat", "1", "dog")
    assert class_names([], samples("images/1", "images/2", labels=(0, 1))) is None
    assert class_names([], samples("a/1", "b/2", labels=(0, 0))) is None
    assert class_names([], samples("a/1", "a/2", labels=(0, 0))) is None
    assert class_names([], samples("a/1", "b/2", labels=(0, 999_999_999))) is None
    assert class_names([], []) is None


def test_two_classes_of_one_name_have_their_index() -> None:
    assert names_of(ImageFiles("birds", [], ("crane", "dog", "crane"))) == ["crane (0)", "dog", "crane (2)"]
    assert names_of(ImageFiles("birds", [])) is None
