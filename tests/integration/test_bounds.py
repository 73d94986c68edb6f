"""Bounds on what files may ask for: pixels before decoding, bytes before parsing, paths that stay in their dataset."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests import tiny
from tests.integration.runs import run_quant
from tests.unit.datasets.test_pixel_limit import png_of

PRIVATE = "root:x:0:0:root:/root:/bin/bash"


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path / "data", count=12)
    tiny.write_images(pytester.path / "calibration", 12, seed=7)
    (pytester.path / "secret.txt").write_text(PRIVATE + "\n")
    return pytester.path


def run_on(pytester: pytest.Pytester, dataset: dict[str, Any], **changes: Any) -> str:
    """The reason of the case ``tiny::top1``."""
    tiny.write_zoo(pytester.path, {"tiny": tiny.model_entry(pytester.path, **changes)}, datasets={"colours": dataset})
    found = run_quant(pytester)
    assert "Traceback" not in found.text
    assert PRIVATE not in found.text
    assert PRIVATE not in str(found.report)
    wanted = ("tiny::top1", "tiny::mIoU", "tiny::floor[agreement]")
    return next(str(case["reason"]) for name, case in found.cases.items() if name in wanted)


LIST = {"type": "image-list", "root": "data", "list": "list.txt"}


def test_a_sample_of_too_many_pixels(pytester: pytest.Pytester) -> None:
    (pytester.path / "data" / "images" / "005.png").write_bytes(png_of(20000, 20000))
    start = time.monotonic()
    reason = run_on(pytester, LIST)
    assert time.monotonic() - start < 20
    assert "005.png) has 20000 x 20000 pixels, more than the 178956970 that an image may have" in reason


def test_a_sample_and_a_list_of_gigabytes(pytester: pytest.Pytester) -> None:
    """Sparse files: nothing of them is read."""
    folder = pytester.path / "data"
    os.truncate(folder / "images" / "005.png", 1 << 40)
    assert "005.png: cannot be read: it has 1099511627776 bytes, and may have" in run_on(pytester, LIST)
    os.truncate(folder / "list.txt", 1 << 40)
    assert "list.txt cannot be read: it has 1099511627776 bytes, and may have" in run_on(pytester, LIST)


def test_a_calibration_image_of_too_many_pixels(pytester: pytest.Pytester) -> None:
    (pytester.path / "calibration" / "images" / "005.png").write_bytes(png_of(20000, 20000))
    reason = run_on(pytester, LIST, int8={"calibrate": {"images": "calibration/images"}})
    assert "005.png) has 20000 x 20000 pixels" in reason


def test_the_limit_is_an_ini_option(pytester: pytest.Pytester) -> None:
    (pytester.path / "pytest.ini").write_text("[pytest]\nquant_max_pixels = 63\n")
    assert "has 8 x 8 pixels, more than the 63 that" in run_on(pytester, LIST)
    (pytester.path / "pytest.ini").write_text("[pytest]\nquant_max_pixels = 64\n")
    assert "drop = " in run_on(pytester, LIST)
    for value in ("0", "many", "-1", "9" * 5000):
        (pytester.path / "pytest.ini").write_text(f"[pytest]\nquant_max_pixels = {value}\n")
        found = run_quant(pytester)
        assert found.status == pytest.ExitCode.USAGE_ERROR
        assert "quant_max_pixels: found '" in found.errors


def test_a_zoo_file_of_too_many_bytes(pytester: pytest.Pytester) -> None:
    tiny.write_zoo(pytester.path, datasets={"colours": LIST})
    (pytester.path / "long.quant.yaml").write_text("version: 1\nmodels: [" + "{a: 1}, " * 600_000 + "]\n")
    start = time.monotonic()
    found = run_quant(pytester)
    assert time.monotonic() - start < 20
    assert "long.quant.yaml: has 4800022 bytes, more than the 1000000 that are parsed" in found.text
    assert found.verdicts["tiny::top1"] == "pass"


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ({**LIST, "list": "../secret.txt"}, "`list` is '../secret.txt', which leaves `root` (data)"),
        ({**LIST, "list": "/etc/passwd"}, "`list` is '/etc/passwd', which leaves `root` (data)"),
        ({**LIST, "list": "images/../../secret.txt"}, "which leaves `root` (data)"),
        (
            {**LIST, "list": "link.txt"},
            "data/link.txt, line 1: is not 'relative/path label'; the list is a link out of",
        ),
    ],
)
def test_a_label_list_outside_its_root(pytester: pytest.Pytester, dataset: dict[str, Any], says: str) -> None:
    (pytester.path / "data" / "link.txt").symlink_to(pytester.path / "secret.txt")
    assert says in run_on(pytester, dataset)


def test_a_list_that_is_a_link_is_read_where_it_is_right(pytester: pytest.Pytester) -> None:
    """As stores that keep files by content lay datasets out."""
    (pytester.path / "data" / "list.txt").rename(pytester.path / "stored")
    (pytester.path / "data" / "list.txt").symlink_to(pytester.path / "stored")
    assert "drop = " in run_on(pytester, LIST)


@pytest.mark.parametrize("line", ["../secret.png", "/etc/passwd", "images/../../x.png"])
def test_a_list_of_images_that_leaves_its_folder(pytester: pytest.Pytester, line: str) -> None:
    (pytester.path / "data" / "all.txt").write_text(f"images/001.png\n{line}\n")
    limits: dict[str, Any] = {"tolerance": None, "floor": {"agreement": 10.0}}
    reason = run_on(pytester, {"type": "images", "list": "data/all.txt"}, **limits)
    assert "1 of the 2 paths in data/all.txt leave its folder, the first is number 2" in reason
    assert line not in reason


def test_a_list_for_calibration_may_name_absolute_paths_and_quotes_nothing_private(pytester: pytest.Pytester) -> None:
    images = sorted((pytester.path / "calibration" / "images").iterdir())
    (pytester.path / "all.txt").write_text("".join(f"{path}\n" for path in images))
    assert "drop = " in run_on(pytester, LIST, int8={"calibrate": {"images": "all.txt"}})
    reason = run_on(pytester, LIST, int8={"calibrate": {"images": "secret.txt"}})
    assert "1 of the 1 images of secret.txt do not exist; the first is number 1, which does not look like" in reason


@pytest.mark.parametrize("line", ["../a.png m.png", "a.png /m.png"])
def test_a_list_of_label_images_that_leaves_its_folder(pytester: pytest.Pytester, line: str) -> None:
    (pytester.path / "data" / "pairs.txt").write_text(f"{line}\n")
    cv2.imwrite(str(pytester.path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    entry = {"task": "semantic-segmentation", "tolerance": {"mIoU": 1.0}, "output": "conv"}
    reason = run_on(pytester, {"type": "segmentation", "list": "data/pairs.txt"}, **entry)
    assert "data/pairs.txt, line 1: " in reason
    assert "leaves the folder of the list" in reason
