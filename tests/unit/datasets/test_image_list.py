from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.files import missing_files
from pytest_quant.datasets.image_list import ImageListOptions
from pytest_quant.extending.known import open_dataset
from pytest_quant.spec.errors import DatasetError, DatasetMissingError

from .specs import dataset_spec, write_png

SHARED = Path(__file__).parents[3].parent / "shared"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_png(tmp_path / "a" / "red.png")
    write_png(tmp_path / "b c" / "blue.png", (0, 0, 255))
    (tmp_path / "labels.txt").write_text("b c/blue.png 4\n./a/red.png 0\n")
    return tmp_path


def test_samples_in_the_order_of_the_list(root: Path) -> None:
    dataset = open_dataset(dataset_spec("image-list", root, list="labels.txt"))
    assert list(dataset.samples) == [
        Sample("b c/blue.png", 4, root / "b c" / "blue.png"),
        Sample("a/red.png", 0, root / "a" / "red.png"),
    ]
    assert dataset.content(dataset.samples[1]) == root / "a" / "red.png"
    assert np.array_equal(dataset.read(dataset.samples[0]), np.full((3, 4, 3), (0, 0, 255)))


def test_missing_files_are_counted_and_the_first_is_named(root: Path) -> None:
    (root / "labels.txt").write_text("a/red.png 0\nb/x.png 1\na 2\na/red.png/y.png 3\n")
    with pytest.raises(DatasetError, match=r"3 of 4 files .*labels\.txt .* line 2: 'b/x\.png'") as caught:
        open_dataset(dataset_spec("image-list", root, list="labels.txt"))
    assert "zoo.quant.yaml" in str(caught.value)
    assert "'mini'" in str(caught.value)


def test_a_link_to_a_file_that_is_gone_is_missing(root: Path) -> None:
    (root / "a" / "link.png").symlink_to(root / "gone.png")
    (root / "a" / "good.png").symlink_to(root / "b c" / "blue.png")
    assert missing_files(root, ["a/link.png", "a/good.png"]) == [0]


def test_an_absent_root_is_a_missing_dataset_and_an_absent_list_in_it_an_error(root: Path) -> None:
    with pytest.raises(DatasetError, match=r"\(`root`\) is there, but not its `list` .*other\.txt"):
        open_dataset(dataset_spec("image-list", root, list="other.txt"))
    with pytest.raises(DatasetMissingError, match=r"the folder .*nowhere \(`root`\) does not exist; fetch"):
        open_dataset(dataset_spec("image-list", root / "nowhere", list="labels.txt"))


def test_a_root_that_is_a_file_is_an_error(root: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        open_dataset(dataset_spec("image-list", root / "labels.txt", list="labels.txt"))


def test_a_damaged_or_vanished_file_names_id_and_path(root: Path) -> None:
    dataset = open_dataset(dataset_spec("image-list", root, list="labels.txt"))
    (root / "a" / "red.png").write_bytes(b"not a png")
    with pytest.raises(DatasetError, match=r"sample 'a/red\.png' \(.*a/red\.png\) does not decode"):
        dataset.read(dataset.samples[1])
    (root / "a" / "red.png").unlink()
    with pytest.raises(DatasetError, match=r"sample 'a/red\.png' .* cannot be read"):
        dataset.read(dataset.samples[1])


def test_a_sample_of_another_dataset_is_refused(root: Path) -> None:
    dataset = open_dataset(dataset_spec("image-list", root, list="labels.txt"))
    with pytest.raises(TypeError, match="expected a file"):
        dataset.read(Sample("test/00000", 0, 0))


@pytest.mark.parametrize("options", [{"root": "/x"}, {"root": "/x", "list": ""}, {"root": "/x", "list": "l", "rot": 1}])
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ImageListOptions.model_validate(options)


def test_ten_thousand_real_files_open_fast() -> None:
    root = SHARED / "data" / "cifar10"
    if not root.is_dir():
        pytest.skip(f"the shared real data is not on this machine: {root}")
    start = time.process_time()
    dataset = open_dataset(dataset_spec("image-list", root, list="test.txt"))
    assert time.process_time() - start < 2
    assert len(dataset.samples) == 10000
    assert [sum(sample.truth == label for sample in dataset.samples) for label in range(10)] == [1000] * 10
    assert dataset.samples[0].id == "test/airplane/0000.jpg"
    assert dataset.read(dataset.samples[0]).shape == (32, 32, 3)
