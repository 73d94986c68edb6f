from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import CocoDetectionOptions, open_dataset, truth_of
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError, DatasetMissingError

from .specs import write_png


def annotation(id_: int, image_id: int, **changes: Any) -> dict[str, Any]:
    row = {"id": id_, "image_id": image_id, "category_id": 1, "bbox": [4.5, 5, 20, 10], "area": 150.5, "iscrowd": 0}
    row.update(changes)
    return {key: value for key, value in row.items() if value is not None}


def instances(*annotations: dict[str, Any]) -> dict[str, Any]:
    images = [{"id": id_, "file_name": f"{id_}.png", "width": 40, "height": 30} for id_ in (30, 20, 10)]
    names = {3: "car", 1: "person", 90: "toothbrush"}
    return {
        "images": images,
        "categories": [{"id": id_, "name": name} for id_, name in names.items()],
        "annotations": list(annotations),
    }


def with_categories(*rows: dict[str, Any]) -> dict[str, Any]:
    return {**instances(), "categories": list(rows)}


GOOD = (annotation(7, 30), annotation(0, 30, category_id=90, iscrowd=1), annotation(5, 10, category_id=3, area=9.5))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("30", "20", "10"):
        write_png(tmp_path / "images" / f"{name}.png", size=(40, 30))
    return tmp_path


def opened(root: Path, truth: Any, **keys: Any) -> ImageFiles:
    (root / "instances.json").write_text(truth if isinstance(truth, str) else json.dumps(truth))
    options = {"images": root / "images", "annotations": root / "instances.json", **keys}
    return open_dataset(
        DatasetSpec("mini", "coco-detection", CocoDetectionOptions.model_validate(options), root / "z.quant.yaml")
    )


def places(dataset: ImageFiles) -> dict[str, list[int]]:
    return {sample.id: [found.category for found in truth_of(sample).objects] for sample in dataset.samples}


def test_classes_are_the_categories_by_rising_id(root: Path) -> None:
    dataset = opened(root, instances(*GOOD))
    first = truth_of(dataset.samples[0])
    assert first.classes == ("person", "car", "toothbrush")
    assert places(dataset) == {"30": [0, 2], "20": [], "10": [1]}  # an image without objects stays
    assert [(found.id, found.crowd, found.area) for found in first.objects] == [(7, False, 150.5), (0, True, 150.5)]
    assert first.objects[0].box == (4.5, 5.0, 20.0, 10.0)
    assert dataset.content(dataset.samples[1]) == root / "images" / "20.png"
    assert dataset.read(dataset.samples[1]).shape == (30, 40, 3)


def test_classes_in_the_order_of_the_net_whatever_the_order_of_the_file(root: Path) -> None:
    assert places(opened(root, instances(*GOOD), classes=["toothbrush", "person", "car"])) == {
        "30": [1, 0],
        "20": [],
        "10": [2],
    }


def test_objects_of_other_classes_are_left_out(root: Path) -> None:
    assert places(opened(root, instances(*GOOD), classes=["car"])) == {"30": [], "20": [], "10": [0]}


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ("[]", "is not a COCO annotations file; expected an object with the lists images, annotations and categories"),
        (instances(annotation(1, 31)), r"annotations\[0\]: found image_id 31, which `images` does not declare"),
        (instances(annotation(1, 30, category_id=2)), "found category_id 2, which `categories` does not declare"),
        (instances(annotation(1, 30), annotation(1, 20)), r"annotations\[1\]: its id 1 stands there twice"),
        (instances(annotation(1, 30, bbox=None)), "object 1 of image 30 has no box; expected `bbox:"),
        (instances(annotation(1, 30, bbox=[1, 2, 3])), "found `bbox` with 3 values; expected 4 finite numbers"),
        (instances(annotation(1, 30, bbox=[1, 2, -3, 4])), "object 1 of image 30: found bbox .* expected a width"),
        (instances(annotation(1, 30, area=None)), "has no `area`"),
        (instances(annotation(1, 30, area=-1)), "area -1; expected a width, height and area from 0"),
        (instances(annotation(1, 30, iscrowd=2)), "found iscrowd 2; expected 0 or 1"),
        (instances(annotation("a", 30)), "found id 'a'; expected an integer"),  # type: ignore[arg-type]
        (
            {**instances(), "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]},
            "its name stands there twice",
        ),
        ({**instances(), "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "its id stands there twice"),
        ({**instances(), "categories": [{"id": 1}]}, r"categories\[0\]: has no `name`"),
        (instances(), "there is no object to find: .* 3 images and no annotation of the classes"),
    ],
)
def test_annotations_that_cannot_be_used(root: Path, truth: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        opened(root, truth)


def test_classes_that_the_file_lacks(root: Path) -> None:
    expected = r"`classes` names 1 of 2 categories that the file lacks: 'persn'. Did you mean `person`\? The file has 3"
    with pytest.raises(DatasetError, match=expected):
        opened(root, instances(*GOOD), classes=["persn", "car"])


@pytest.mark.parametrize(("classes", "message"), [([], "at least 1 item"), (["a", "b", "a"], "'a' stands there twice")])
def test_class_lists_that_cannot_be_meant(root: Path, classes: list[str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        opened(root, instances(*GOOD), classes=classes)


def test_images_and_files_that_are_not_there(root: Path) -> None:
    (root / "images" / "20.png").unlink()
    with pytest.raises(DatasetError, match="1 of the 3 images to evaluate do not exist; the first is image 20"):
        opened(root, instances(*GOOD))
    with pytest.raises(DatasetMissingError, match=r"\(`images`\) does not exist"):
        opened(root, instances(*GOOD), images=root / "nowhere")


def test_a_truth_of_another_kind() -> None:
    with pytest.raises(TypeError, match="expected a DetectionTruth"):
        truth_of(Sample("x", 3, 0))
