from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.datasets import mmocr_json
from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.spec.errors import DatasetError, DatasetMissingError

from .text_specs import text_spec, write_text_dataset

QUAD = [0, 0, 9, 0, 9, 5.5, 0, 5]
POLYGON = tuple(map(float, QUAD))

NEW: dict[str, Any] = {
    "metainfo": {"dataset_type": "TextDetDataset", "task_name": "textdet", "category": [{"id": 0, "name": "text"}]},
    "data_list": [
        {
            "img_path": "./test/b.png",
            "height": 3,
            "width": 4,
            "instances": [
                {"polygon": QUAD, "bbox": [0, 0, 9, 5], "bbox_label": 0, "ignore": False},
                {"polygon": [0, 0, 1, 0, 1, 1], "bbox": [0, 0, 1, 1], "bbox_label": 0, "ignore": True},
            ],
        },
        {"img_path": "test/a.png", "instances": []},
    ],
}

OLD: dict[str, Any] = {
    "images": [{"id": 7, "file_name": "test/b.png", "height": 3, "width": 4}, {"id": 3, "file_name": "test/a.png"}],
    "annotations": [
        {"id": 1, "image_id": 3, "segmentation": [QUAD], "iscrowd": 0, "bbox": [0, 0, 9, 5], "area": 45},
        {"id": 2, "image_id": 7, "segmentation": [QUAD], "iscrowd": 1},
        {"id": 3, "image_id": 7, "segmentation": [QUAD], "iscrowd": 0},
        {"id": 4, "image_id": 7, "segmentation": [QUAD], "ignore": 1},
        {"id": 5, "image_id": 7, "segmentation": [QUAD], "area": 0, "bbox": [0, 0, 9, 5]},
        {"id": 6, "image_id": 7, "segmentation": [QUAD], "area": 9, "bbox": [0, 0, 9, 0.5]},
    ],
    "categories": [{"id": 1, "name": "text"}],
}


def samples_of(tmp_path: Path, content: Any) -> list[Sample]:
    write_text_dataset(tmp_path, {}, ["test/a.png", "test/b.png"])
    (tmp_path / "test.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return list(mmocr_json.open_dataset(text_spec(mmocr_json, tmp_path, "test.json")).samples)


def test_the_form_of_1x(tmp_path: Path) -> None:
    assert samples_of(tmp_path, NEW) == [
        Sample(
            "test/b.png",
            (TextRegion(POLYGON), TextRegion((0.0, 0.0, 1.0, 0.0, 1.0, 1.0), ignore=True)),
            tmp_path / "images" / "test" / "b.png",
        ),
        Sample("test/a.png", (), tmp_path / "images" / "test" / "a.png"),
    ]


def test_the_form_of_0x_keeps_the_order_and_drops_what_mmocr_drops(tmp_path: Path) -> None:
    first, second = samples_of(tmp_path, OLD)
    assert (first.id, first.truth) == ("test/b.png", (TextRegion(POLYGON, ignore=True), TextRegion(POLYGON)))
    assert (second.id, second.truth) == ("test/a.png", (TextRegion(POLYGON),))


def changed(content: dict[str, Any], *steps: Any) -> dict[str, Any]:
    """A copy with the value at a path of keys replaced by the last step."""
    result = copy.deepcopy(content)
    place: Any = result
    for key in steps[:-2]:
        place = place[key]
    place[steps[-2]] = steps[-1]
    return result


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            changed(NEW, "data_list", 0, "instances", 1, "polygon", [0, 0, 1, 1]),
            r"data_list\[0\]\.instances\[1\]\.polygon",
        ),
        (changed(NEW, "data_list", 0, "instances", 0, "polygon", [0] * 7), r"with 3 points or more"),
        (changed(NEW, "data_list", 0, "instances", 0, "polygon", [0] * 7 + [1e9]), r"\.polygon: found"),
        (changed(NEW, "data_list", 0, "instances", 0, {}), r"data_list\[0\]\.instances\[0\]: has no `polygon`"),
        (changed(NEW, "data_list", 0, "instances", 0, "ignore", "yes"), r"instances\[0\]\.ignore: found 'yes'"),
        (changed(NEW, "data_list", 0, "instances", None), r"data_list\[0\]\.instances: found None; expected a list"),
        (changed(NEW, "data_list", 1, 5), r"data_list\[1\]: found 5; expected an object"),
        (changed(NEW, "data_list", 1, "img_path", "../x.png"), r"data_list\[1\]\.img_path: '\.\./x\.png' leaves"),
        (changed(NEW, "data_list", 1, "img_path", ""), r"data_list\[1\]\.img_path: found ''"),
        (
            changed(NEW, "data_list", 1, "img_path", "test//b.png"),
            r"'test/b\.png' stands in it twice, as number 0 and 1",
        ),
        (changed(NEW, "data_list", []), "names no images"),
        (changed(OLD, "annotations", 0, "image_id", 5), r"annotations\[0\]: there is no image with its image_id 5"),
        (
            changed(OLD, "annotations", 2, "segmentation", [QUAD, QUAD]),
            r"annotations\[2\]\.segmentation: .*one polygon",
        ),
        (changed(OLD, "annotations", 2, "segmentation", {"size": [1, 2]}), r"expected a list that holds one polygon"),
        (changed(OLD, "annotations", 2, "segmentation", [[1, 2, 3, 4]]), r"annotations\[2\]\.segmentation: found"),
        (changed(OLD, "annotations", 2, "bbox", [1, 2]), r"annotations\[2\]: found area 1 and bbox \[1, 2\]"),
        (changed(OLD, "images", 1, "id", 7), r"images\[1\]: the id 7 is that of an image before it"),
        ([], "has neither `data_list`"),
        ("{", r"line 1: is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "1" * 5000 + "}", "has neither `data_list`"),
        ('{"data_list": [], "data_list": []}', "the key 'data_list' stands twice in one object"),
        ('{"data_list": [NaN]}', "found NaN, which is not JSON"),
    ],
)
def test_bad_entries_are_named(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        samples_of(tmp_path, content)
    assert "test.json" in str(caught.value)
    assert "dataset 'mini'" in str(caught.value)


def test_images_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"1 of 2 images named in .*test\.json do not exist .*'test/c\.png'"):
        samples_of(tmp_path, changed(NEW, "data_list", 1, "img_path", "test/c.png"))


def test_a_missing_file_is_a_missing_dataset(tmp_path: Path) -> None:
    write_text_dataset(tmp_path, {}, ["a.png"])
    with pytest.raises(DatasetMissingError, match=r"none\.json \(`annotations`\) does not exist"):
        mmocr_json.open_dataset(text_spec(mmocr_json, tmp_path, "none.json"))
