"""Images with label images: which belong together, and what the pixels of a label image mean."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from pytest_quant.datasets.masks import VOID, MaskFile, read_labels
from pytest_quant.datasets.segmentation import SegmentationOptions, class_names
from pytest_quant.extending.known import open_dataset
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError, DatasetMissingError


def spec(folder: Path, **options: Any) -> DatasetSpec:
    return DatasetSpec("mini", "segmentation", SegmentationOptions.model_validate(options), folder / "zoo.quant.yaml")


def write(folder: Path, *names: str, pixels: Any = ((0, 1),), mode: str | None = None) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.array(pixels, np.uint8))
        (image if mode is None else image.convert(mode)).save(folder / name)


def folders(folder: Path, **options: Any) -> DatasetSpec:
    return spec(folder, images=folder / "images", masks=folder / "masks", **options)


def labels_of(folder: Path, count: int = 3, **options: Any) -> list[list[int]]:
    dataset = open_dataset(folders(folder, **options))
    truth = dataset.samples[0].truth
    assert isinstance(truth, MaskFile)
    found: list[list[int]] = read_labels(truth, count, "sample 'a.png'").tolist()
    return found


def test_folders_with_subfolders_and_suffixes(tmp_path: Path) -> None:
    """As Cityscapes has them."""
    write(tmp_path, "images/ulm/10_leftImg8bit.png", "images/ulm/2_leftImg8bit.png")
    write(tmp_path, "masks/ulm/10_gtFine_labelTrainIds.png", "masks/ulm/2_gtFine_labelTrainIds.png")
    write(tmp_path, "masks/ulm/2_gtFine_color.png")
    dataset = open_dataset(folders(tmp_path, image_suffix="_leftImg8bit.png", mask_suffix="_gtFine_labelTrainIds.png"))
    assert [sample.id for sample in dataset.samples] == ["ulm/2_leftImg8bit.png", "ulm/10_leftImg8bit.png"]
    truth = dataset.samples[0].truth
    assert truth.path == tmp_path / "masks/ulm/2_gtFine_labelTrainIds.png"
    assert str(tmp_path) not in repr(truth)  # samples have the same digest on every machine


def test_a_split_names_the_samples_of_two_folders(tmp_path: Path) -> None:
    """As VOC has it: more images than label images."""
    write(tmp_path, "images/a.jpg", "images/b.jpg", "images/c.jpg", "masks/a.png", "masks/c.png")
    (tmp_path / "val.txt").write_text("c\na\n")
    dataset = open_dataset(folders(tmp_path, list=tmp_path / "val.txt"))
    assert [sample.id for sample in dataset.samples] == ["c.jpg", "a.jpg"]
    (tmp_path / "val.txt").write_text("a\nb\n")
    with pytest.raises(DatasetError, match="line 2: 'b' is not a file of `masks`"):
        open_dataset(folders(tmp_path, list=tmp_path / "val.txt"))


def test_a_list_of_pairs(tmp_path: Path) -> None:
    write(tmp_path, "x/a.png", "y/a b.png")
    (tmp_path / "test.txt").write_text("x/a.png\ty/a b.png\n\n")
    dataset = open_dataset(spec(tmp_path, list=tmp_path / "test.txt"))
    assert [(sample.id, sample.truth.path.name) for sample in dataset.samples] == [("x/a.png", "a b.png")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x/a.png\n", "line 1: found 'x/a.png'; expected 'image mask'"),
        ("x/a.png x/gone.png\n", r"1 of the 2 files do not exist; the first is .*gone.png"),
        ("x/a.png x/a.png\nx/a.png x/a.png", "x/a.png named twice"),
        ("\n", "names no samples"),
    ],
)
def test_bad_lists(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "x/a.png")
    (tmp_path / "test.txt").write_text(text)
    with pytest.raises(DatasetError, match=message):
        open_dataset(spec(tmp_path, list=tmp_path / "test.txt"))


def test_files_without_a_partner(tmp_path: Path) -> None:
    write(tmp_path, "images/a.png", "images/b.png", "masks/a.png", "masks/c.png")
    with pytest.raises(DatasetError, match=r"'b.png'; 1 label images have no image, the first is 'c.png'"):
        open_dataset(folders(tmp_path))


def test_absent_folders(tmp_path: Path) -> None:
    write(tmp_path, "images/a.png")
    with pytest.raises(DatasetMissingError, match=r"the folder .*masks \(`masks`\) does not exist"):
        open_dataset(folders(tmp_path))


def test_a_label_image_that_is_replaced_after_it_was_hashed(tmp_path: Path) -> None:
    write(tmp_path, "images/a.png", "masks/a.png")
    truth = open_dataset(folders(tmp_path)).samples[0].truth
    assert isinstance(truth, MaskFile)
    write(tmp_path, "masks/a.png", pixels=((1, 0),))
    with pytest.raises(DatasetError, match=r"a\.png was replaced while the run was on; run again"):
        read_labels(truth, 2, "sample 'a'")


def test_another_mask_is_another_sample(tmp_path: Path) -> None:
    """What is kept of a prediction are counts against the label image."""
    write(tmp_path, "images/a.png", "masks/a.png")
    before = open_dataset(folders(tmp_path)).samples[0].extra
    assert open_dataset(folders(tmp_path, ignore_index=1)).samples[0].extra != before
    write(tmp_path, "masks/a.png", pixels=((1, 1),))
    assert open_dataset(folders(tmp_path)).samples[0].extra != before


def test_palette_images_are_read_as_indexes(tmp_path: Path) -> None:
    """VOC's label images are such: OpenCV would give their colours."""
    image = Image.fromarray(np.array([[0, 2, 255]], np.uint8))
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [7] * 759)
    write(tmp_path, "images/a.png", pixels=((0, 1, 2),))
    (tmp_path / "masks").mkdir()
    image.save(tmp_path / "masks/a.png")
    assert labels_of(tmp_path) == [[0, 2, VOID]]
    palette = [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    assert labels_of(tmp_path, palette=palette, ignore_colors=[[7, 7, 7]]) == [[0, 2, VOID]]


def test_sixteen_bits(tmp_path: Path) -> None:
    write(tmp_path, "images/a.png")
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.array([[300, 1]], np.uint16)).save(tmp_path / "masks/a.png")
    assert labels_of(tmp_path, count=400) == [[300, 1]]


def test_reduce_zero_label(tmp_path: Path) -> None:
    write(tmp_path, "images/a.png", "masks/a.png", pixels=((0, 1, 3, 255),))
    assert labels_of(tmp_path, reduce_zero_label=True) == [[VOID, 0, 2, VOID]]


def test_colours(tmp_path: Path) -> None:
    write(tmp_path, "images/a.png", "masks/a.png", pixels=(((1, 2, 3), (9, 9, 9), (0, 0, 0)),))
    assert labels_of(tmp_path, palette=[[9, 9, 9], [1, 2, 3]], ignore_colors=[[0, 0, 0]]) == [[1, 0, VOID]]
    with pytest.raises(DatasetError, match=r"has the colours \[0, 0, 0\] in 33 % of its pixels"):
        labels_of(tmp_path, palette=[[9, 9, 9], [1, 2, 3]])
    with pytest.raises(DatasetError, match=r"a.png is a colour image \(RGB\); expected one number per pixel"):
        labels_of(tmp_path)


def test_indexes_are_no_colours(tmp_path: Path) -> None:
    write(tmp_path, "images/a.png", "masks/a.png")
    with pytest.raises(DatasetError, match=r"is not a colour image \(L\), but the dataset has a `palette`"):
        labels_of(tmp_path, palette=[[9, 9, 9]])


def test_values_that_are_no_class(tmp_path: Path) -> None:
    write(tmp_path, "images/a.png", "masks/a.png", pixels=((0, 1, 11, 12),))
    with pytest.raises(DatasetError, match=r"holds 11, 12 in 50 % .* not classes: there are 11, .*`ignore_index: 11`"):
        labels_of(tmp_path, count=11)


def test_lossy_and_damaged_label_images(tmp_path: Path) -> None:
    write(tmp_path, "images/a.png", "masks/a.jpg")
    with pytest.raises(DatasetError, match="is a JPEG file, which changes values"):
        labels_of(tmp_path)
    (tmp_path / "masks/a.jpg").write_bytes(b"GIF89a no more")
    with pytest.raises(DatasetError, match=r"cannot be read|not an image"):
        labels_of(tmp_path)


def test_a_label_image_with_something_within_it(tmp_path: Path) -> None:
    """Pillow raises errors of other kinds for some chunks."""
    write(tmp_path, "images/a.png", "masks/a.png")
    path = tmp_path / "masks/a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)[:, :, 0] % 3).save(path)
    whole = path.read_bytes()
    for at in range(33, len(whole)):
        path.write_bytes(whole[:at] + b"{" * 100_000 + whole[at:])
        with suppress(DatasetError):
            labels_of(tmp_path)


def test_class_names(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("sky\r\nroad\r\n")
    options = {"images": tmp_path, "masks": tmp_path}
    assert class_names(SegmentationOptions.model_validate({**options, "classes": tmp_path / "classes.txt"})) == (
        "sky",
        "road",
    )
    assert class_names(SegmentationOptions.model_validate({**options, "palette": [[0, 0, 0], [1, 1, 1]]})) == ("0", "1")
    assert class_names(SegmentationOptions.model_validate(options)) is None
    with pytest.raises(DatasetError, match="2 `classes`, but 1 colours"):
        class_names(SegmentationOptions.model_validate({**options, "classes": ["a", "b"], "palette": [[0, 0, 0]]}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "`images` and `masks`"),
        ({"images": "a"}, "`images` and `masks`"),
        ({"list": "a", "reduce_zero_label": True, "ignore_index": 0}, "ignore_index 255 with reduce_zero_label"),
        ({"list": "a", "ignore_colors": [[0, 0, 0]]}, "ignore_colors with `palette` only"),
        ({"list": "a", "palette": [[0, 0, 0]], "ignore_index": 3}, "`ignore_colors` with `palette`"),
        ({"list": "a", "palette": [[0, 0, 256]]}, "less than or equal to 255"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SegmentationOptions.model_validate(options)
