from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from pytest_quant.datasets.imagenet import ImagenetOptions
from pytest_quant.extending.known import open_dataset
from pytest_quant.spec.errors import DatasetError, DatasetMissingError

from .specs import dataset_spec, write_png


def truths(root: Path, **options: str) -> dict[str, int]:
    """Ids and labels in the dataset's order."""
    return {sample.id: sample.truth for sample in open_dataset(dataset_spec("imagenet", root, **options)).samples}


def failure(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        truths(root)
    return str(caught.value)


def test_meta_file_rules(tmp_path: Path) -> None:
    for name in ("ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG", "unlisted.JPEG"):
        write_png(tmp_path / "val" / name)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "val.txt").write_text("ILSVRC2012_val_00000002.JPEG 65\nILSVRC2012_val_00000001.JPEG 970\n")
    assert list(truths(tmp_path).items()) == [
        ("ILSVRC2012_val_00000002.JPEG", 65),
        ("ILSVRC2012_val_00000001.JPEG", 970),
    ]


def test_classes_are_the_sorted_folders(tmp_path: Path) -> None:
    write_png(tmp_path / "val" / "n01443537" / "b.JPEG")
    write_png(tmp_path / "val" / "n01443537" / "a.png")
    write_png(tmp_path / "val" / "n01440764" / "deeper" / "c.jpg")
    write_png(tmp_path / "val" / "n09999999" / "a.png")
    write_png(tmp_path / "val" / ".cache" / "a.png")
    (tmp_path / "val" / "n01443537" / "notes.txt").write_text("no image")
    (tmp_path / "val" / ".DS_Store").write_text("")
    assert list(truths(tmp_path).items()) == [
        ("n01440764/deeper/c.jpg", 0),
        ("n01443537/a.png", 1),
        ("n01443537/b.JPEG", 1),
        ("n09999999/a.png", 2),
    ]
    dataset = open_dataset(dataset_spec("imagenet", tmp_path))
    assert dataset.read(dataset.samples[0]).shape == (3, 4, 3)


def test_another_split_has_its_own_folder_and_meta_file(tmp_path: Path) -> None:
    write_png(tmp_path / "test" / "a.png")
    write_png(tmp_path / "val" / "c" / "a.png")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "test.txt").write_text("a.png 7")
    assert truths(tmp_path, split="test") == {"a.png": 7}
    assert truths(tmp_path) == {"c/a.png": 0}


def test_absent_root_or_split_is_a_missing_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetMissingError, match=r"val \(`split`\) does not exist"):
        truths(tmp_path)
    with pytest.raises(DatasetMissingError, match=r"nowhere \(`root`\) does not exist"):
        truths(tmp_path / "nowhere")


def test_a_flat_folder_without_meta_file_says_what_to_do(tmp_path: Path) -> None:
    for name in ("b.JPEG", "a.JPEG"):
        write_png(tmp_path / "val" / name)
    assert "2 images lie in" in failure(tmp_path)
    assert "'a.JPEG'" in failure(tmp_path)
    assert "meta/val.txt" in failure(tmp_path)


def test_no_images_at_all(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    assert "holds no images" in failure(tmp_path)
    write_png(tmp_path / "val" / "b" / "a.png")
    (tmp_path / "val" / "a").mkdir()
    assert "val/a holds no images" in failure(tmp_path)


def test_a_link_to_a_file_that_is_gone(tmp_path: Path) -> None:
    write_png(tmp_path / "val" / "c" / "a.png")
    (tmp_path / "val" / "c" / "b.png").symlink_to(tmp_path / "gone.png")
    assert "c/b.png is not a file" in failure(tmp_path)


def test_folders_that_link_in_a_circle_end_as_an_error(tmp_path: Path) -> None:
    write_png(tmp_path / "val" / "c" / "a.png")
    (tmp_path / "val" / "c" / "loop").symlink_to(tmp_path / "val" / "c", target_is_directory=True)
    assert "cannot be listed" in failure(tmp_path)


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    write_png(tmp_path / "val" / "c" / "a.png")
    folder = os.fsencode(tmp_path / "val" / "c")
    try:
        os.rename(folder + b"/a.png", folder + b"/\xff.png")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    assert "is not text in UTF-8" in failure(tmp_path)


@pytest.mark.parametrize("split", ["", "../val", "a/b", ".hidden"])
def test_a_split_is_a_plain_name(split: str) -> None:
    with pytest.raises(ValidationError):
        ImagenetOptions.model_validate({"root": "/x", "split": split})
