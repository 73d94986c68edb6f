from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_quant.datasets.unlabelled import open_images
from pytest_quant.spec.errors import DatasetError, DatasetMissingError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.PNG", "a/c.jpg", "a/notes.txt", "a.webp"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "images"


def test_a_folder_is_searched_in_one_order(folder: Path) -> None:
    images = open_images(folder)
    assert [sample.id for sample in images.samples] == ["a/c.jpg", "a.webp", "b.PNG"]
    assert images.samples[0].source == folder / "a" / "c.jpg"
    assert images.samples[0].truth is None


def test_a_list_is_relative_to_itself(folder: Path) -> None:
    listed = folder.parent / "calibration.txt"
    listed.write_text("# five hundred of the training set\n\nimages/b.PNG\nimages/a/notes.txt\n")
    assert [sample.id for sample in open_images(listed).samples] == ["images/b.PNG", "images/a/notes.txt"]
    listed.write_text(f"{folder / 'b.PNG'}\n")
    assert [sample.source for sample in open_images(listed).samples] == [folder / "b.PNG"]


def test_one_image_and_given_paths(folder: Path) -> None:
    assert [sample.id for sample in open_images(folder / "b.PNG").samples] == ["b.PNG"]
    given = open_images([folder / "b.PNG", folder / "a" / "c.jpg"])
    assert [sample.id for sample in given.samples] == ["b.PNG", "a/c.jpg"]


def test_no_images(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"--images: .*empty holds no image \(.bmp, "):
        open_images(tmp_path / "empty", what="--images")
    (tmp_path / "list.txt").write_text("# nothing yet\n")
    with pytest.raises(DatasetError, match=r"list.txt names no image"):
        open_images(tmp_path / "list.txt")
    with pytest.raises(DatasetError, match="names no image"):
        open_images([])
    with pytest.raises(DatasetMissingError, match="nowhere does not exist"):
        open_images(tmp_path / "nowhere")


def test_a_list_with_mistakes(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("images/b.PNG\nimages/gone.png\nimages/lost.png\n")
    with pytest.raises(DatasetError, match=r"2 of the 3 images of .*list.txt do not exist; the first is .*gone.png"):
        open_images(listed)
    listed.write_text("images/b.PNG\nimages/b.PNG\n")
    with pytest.raises(DatasetError, match=r"names 'images/b.PNG' 2 times"):
        open_images(listed)
    np.save(tmp_path / "array.npy", np.full(4, 255, np.uint8))
    with pytest.raises(DatasetError, match="neither a folder of images nor a text file"):
        open_images(tmp_path / "array.npy")
