"""Files that are read as a whole are bounded, and messages show what can be read of what they quote."""

from __future__ import annotations

import os
import re
import socket
import sys
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.class_names import class_names
from pytest_quant.datasets.coco_json import read_json
from pytest_quant.datasets.image_bytes import image_bytes
from pytest_quant.datasets.label_list import read_label_list
from pytest_quant.datasets.text_lines import read_text
from pytest_quant.datasets.unlabelled import open_images
from pytest_quant.extending.known import open_dataset, options_of
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.files.table import read_table
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, DatasetError, DatasetMissingError, ModelFileError, QuantError
from pytest_quant.spec.whole_file import MOST_BYTES, open_regular, whole_file
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lacks such files")
def test_what_has_no_end_or_waits_for_somebody_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket"))
    for name in ("pipe", "zero", "socket", "."):
        with pytest.raises(OSError):
            whole_file(tmp_path / name)
    with pytest.raises(OSError, match="it is not a regular file"):
        open_regular(tmp_path / "pipe")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lacks such files")
@pytest.mark.parametrize("target", ["pipe", "/dev/zero"])
def test_no_reader_waits(tmp_path: Path, target: str) -> None:
    """Names of classes are looked for beside the samples, annotations are paired by name."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "classes.txt").symlink_to(target)
    (tmp_path / "gt_img_1.txt").symlink_to(target)
    assert class_names([tmp_path], [Sample("1.png", 0, 0)]) is None
    (tmp_path / "classes.txt").unlink()
    Image.new("RGB", (4, 4)).save(tmp_path / "img_1.png")
    options = options_of("icdar2015").model_validate({"images": tmp_path, "annotations": tmp_path})
    with pytest.raises(DatasetError, match=r"gt_img_1\.txt cannot be read: it is not a regular file"):
        open_dataset(DatasetSpec("mini", "icdar2015", options, tmp_path / "zoo.quant.yaml"))
    (tmp_path / "net.param").symlink_to(target)
    with pytest.raises(ModelFileError, match="it is not a regular file"):
        read_param(tmp_path / "net.param")


def test_gigabytes_of_something_else_are_not_read(tmp_path: Path) -> None:
    for name in ("a.json", "a.png"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2**31 - 1)
    with pytest.raises(DatasetError, match=r"it has 2147483647 bytes, and does not begin as such a file does"):
        read_json(tmp_path / "a.json")
    with pytest.raises(OSError, match=r"it has 2147483647 bytes, and does not begin as an image does"):
        image_bytes(tmp_path / "a.png", "a")
    Image.new("RGB", (4, 4)).save(tmp_path / "b.png")
    with (tmp_path / "b.png").open("r+b") as file:
        file.truncate(2**31 - 1)
    with pytest.raises(OSError, match="it has 2147483647 bytes, and may have 67109120"):
        image_bytes(tmp_path / "b.png", "b")


def test_a_list_of_paths_that_no_path_can_be(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a" * 5000 + ".png\n")
    with pytest.raises(DatasetError, match=r"1 of the 1 images of .*list\.txt"):
        open_images(tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("image-list", {"root": "a" * 5000, "list": "l.txt"}),
        ("image-list", {"root": ".", "list": "a" * 5000}),
        ("images", {"root": "a" * 5000}),
        ("images", {"list": "a" * 5000}),
        ("coco-detection", {"images": ".", "annotations": "a" * 5000}),
        ("segmentation", {"images": "a" * 5000, "masks": ".", "classes": ["a"]}),
    ],
)
def test_a_path_that_is_too_long_for_one(
    tmp_path: Path, kind: str, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = options_of(kind).model_validate(keys)
    with pytest.raises((DatasetError, DatasetMissingError)):
        open_dataset(DatasetSpec("mini", kind, options, tmp_path / "zoo.quant.yaml"))
