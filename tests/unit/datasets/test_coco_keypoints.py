from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_keypoints import CocoKeypointsOptions, open_dataset, truth_of
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError, DatasetMissingError

from .specs import write_png

KEYPOINTS = [10, 12, 2] * 17
NOBODY = [0, 0, 0] * 17


def annotation(id_: int, image_id: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": id_,
        "image_id": image_id,
        "category_id": 1,
        "bbox": [4.5, 5, 20, 10],
        "area": 150.5,
        "keypoints": KEYPOINTS,
        "num_keypoints": 17,
        "iscrowd": 0,
    }
    row.update(changes)
    return {key: value for key, value in row.items() if value is not None}


def image(id_: int, name: str | None = None) -> dict[str, Any]:
    return {"id": id_, "file_name": name or f"{id_}.png", "width": 40, "height": 30}


def ground_truth() -> dict[str, Any]:
    return {
        "images": [image(30), image(20, "sub/20.png"), image(10), image(40)],
        "categories": [{"id": 1, "name": "person", "keypoints": ["joint"] * 17}, {"id": 18, "name": "dog"}],
        "annotations": [
            annotation(7, 30),
            annotation(5, 30, bbox=[30, 20, 30, 30]),
            annotation(6, 30, iscrowd=1),
            annotation(8, 20),
            annotation(9, 10, keypoints=NOBODY, num_keypoints=0),
            annotation(3, 10, category_id=18),
        ],
    }


def detection(image_id: int, score: float = 0.9, **changes: Any) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": 1, "bbox": [1.1, 2.2, 10.3, 20.4], "score": score, **changes}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("30", "sub/20", "10", "40"):
        write_png(tmp_path / "images" / f"{name}.png", size=(40, 30))
    return tmp_path


def spec(root: Path, truth: Any, detections: Any = None, **keys: Any) -> DatasetSpec:
    (root / "persons.json").write_text(truth if isinstance(truth, str) else json.dumps(truth))
    if detections is not None:
        (root / "boxes.json").write_text(json.dumps(detections))
        keys["boxes"] = root / "boxes.json"
    options = {"images": root / "images", "annotations": root / "persons.json", "boxes": "ground-truth", **keys}
    return DatasetSpec("mini", "coco-keypoints", CocoKeypointsOptions.model_validate(options), root / "zoo.quant.yaml")


def opened(root: Path, truth: Any = None, detections: Any = None, **keys: Any) -> ImageFiles:
    return open_dataset(spec(root, truth or ground_truth(), detections, **keys))


def test_images_with_ground_truth_boxes(root: Path) -> None:
    dataset = opened(root)
    assert [sample.id for sample in dataset.samples] == ["30", "20"]
    first = truth_of(dataset.samples[0])
    assert [box.id for box in first.boxes] == ["30/5", "30/7"]
    assert first.boxes[0].corners == (30.0, 20.0, 39.0, 29.0)  # clipped to the last pixel
    assert first.boxes[1].corners == (4.5, 5.0, 24.5, 15.0)
    assert [box.score for box in first.boxes] == [1, 1]
    assert [person.id for person in first.persons] == [7, 5, 6]
    assert [person.crowd for person in first.persons] == [False, False, True]
    assert dataset.content(dataset.samples[1]) == root / "images" / "sub" / "20.png"
    assert dataset.read(dataset.samples[1]).shape == (30, 40, 3)


def test_detected_boxes_in_the_order_of_the_file(root: Path) -> None:
    rows = [detection(10), detection(30, 0.1), detection(40, category_id=18), detection(10, 0.5), detection(30)]
    dataset = opened(root, detections=rows)
    boxes = {sample.id: truth_of(sample).boxes for sample in dataset.samples}
    assert {id_: [box.id for box in found] for id_, found in boxes.items()} == {
        "30": ["30/det-1", "30/det-4"],
        "20": [],  # nobody was detected, but somebody is to be found
        "10": ["10/det-0", "10/det-3"],
    }
    left, top, width, height = np.array([1.1, 2.2, 10.3, 20.4], np.float32)
    assert boxes["10"][0].corners == (left, top, left + width, top + height)
    assert [box.score for box in boxes["10"]] == [0.9, 0.5]


def test_a_score_threshold_of_detections(root: Path) -> None:
    rows = [detection(10, 0.3), detection(30, 0.29), detection(30, 0.8)]
    dataset = opened(root, detections=rows, box_score_threshold=0.3)
    assert {sample.id: len(truth_of(sample).boxes) for sample in dataset.samples} == {"30": 1, "20": 0, "10": 1}


def test_other_boxes_are_other_content(root: Path) -> None:
    def extras(rows: list[dict[str, Any]]) -> list[str]:
        return [sample.extra for sample in opened(root, detections=rows).samples]

    plain = extras([detection(30), detection(20)])
    moved = extras([detection(30, bbox=[1.1, 2.2, 10.3, 20.5]), detection(20)])
    rescored = extras([detection(30, 0.2), detection(20)])
    assert len(plain) == 2
    assert plain[0] != moved[0]
    assert plain[1] == moved[1]
    assert plain == rescored  # a score does not change what the net predicts


def test_keypoints_are_counted_where_the_file_does_not(root: Path) -> None:
    truth = ground_truth()
    truth["annotations"] = [annotation(1, 30, num_keypoints=None, iscrowd=None, keypoints=[1, 1, 1] + [0, 0, 0] * 16)]
    (person,) = truth_of(opened(root, truth).samples[0]).persons
    assert (person.labelled, person.crowd) == (1, False)


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    truth = ground_truth()
    change(truth)
    return truth


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ("[1, 2", r"persons\.json is not JSON"),
        ("[]", "is not a COCO annotations file; expected an object with the lists images, annotations and categories"),
        (changed(lambda t: t.pop("categories")), "is not a COCO annotations file"),
        (changed(lambda t: t["categories"].pop(0)), "found the categories dog; expected `person`"),
        (changed(lambda t: t["categories"][0].update(keypoints=["x"] * 21)), "has 21 keypoints; expected the 17"),
        (changed(lambda t: t["images"].append(image(30))), r"images\[4\]: its id 30 stands there twice"),
        (changed(lambda t: t["images"][1].pop("width")), r"images\[1\]: has no `width`"),
        (changed(lambda t: t["images"][1].update(height=0)), "found width 40 and height 0"),
        (changed(lambda t: t["images"][0].update(id="x")), r"images\[0\]: found id 'x'; expected an integer"),
        (changed(lambda t: t["images"][0].update(file_name="../x.png")), r"found file_name '\.\./x\.png'"),
        (changed(lambda t: t["annotations"].append(3)), r"annotations\[6\]: found int; expected an object"),
        (changed(lambda t: t["annotations"].append(annotation(1, 99))), r"\[6\]: found image_id 99, which `images`"),
        (
            changed(lambda t: t["annotations"].append(annotation(7, 20))),
            r"annotations\[6\]: its id 7 stands there twice",
        ),
        (
            changed(lambda t: t["annotations"][0].pop("bbox")),
            r"\[0\]: person 7 of image 30 has no box; expected `bbox:",
        ),
        (changed(lambda t: t["annotations"][0].pop("keypoints")), "is this a person_keypoints file, not an instances"),
        (changed(lambda t: t["annotations"][0].pop("area")), "has no `area`"),
        (
            changed(lambda t: t["annotations"][0].update(bbox=[1, 2, 3])),
            "found `bbox` with 3 values; expected 4 finite",
        ),
        (changed(lambda t: t["annotations"][0].update(bbox=[1, 2, 3, float("nan")])), "found NaN, which is not JSON"),
        (changed(lambda t: t["annotations"][0].update(bbox=[1, 2, 3, 10**400])), "expected 4 finite numbers"),
        (changed(lambda t: t["annotations"][0].update(keypoints=[1] * 50)), "`keypoints` with 50 values; expected 51"),
        (changed(lambda t: t["annotations"][0].update(area="big")), "expected a finite number"),
        (changed(lambda t: t["annotations"][0].update(num_keypoints=-1)), "found num_keypoints -1"),
        (
            changed(lambda t: t["annotations"][0].update(bbox=[50, 5, 20, 10])),
            r"person 7 of image 30 has keypoints but no box: \[50.0, 5.0, 20.0, 10.0\] is empty inside the image",
        ),
        (changed(lambda t: t["annotations"].clear()), "there is no box to evaluate"),
    ],
)
def test_annotations_that_cannot_be_used(root: Path, truth: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        opened(root, truth)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"annotations": []}, "is not a COCO results file; expected a list"),
        ([detection(10), detection(99), detection(98)], r"2 detections are on 2 images .* first is row 1, image_id 99"),
        ([detection(10), {"image_id": 10}], r"row 1: has no `category_id`"),
        ([detection(10, bbox=[1, 2, 3])], r"row 0: found `bbox` with 3 values"),
        ([detection(10, bbox=[1, 2, 0, 0])], "expected .* of a box that is not empty"),
        ([detection(10, bbox=[1, 2, -3, 9])], "expected .* of a box that is not empty"),
        ([detection(10, float("inf"))], "found Infinity, which is not JSON"),
        ([detection(10, 10**400)], "expected a finite number"),
        ([detection(None)], "found image_id None"),  # type: ignore[arg-type]
        ([], r"there is no box to evaluate: .* 4 images, `boxes` is .*boxes\.json with box_score_threshold 0"),
        ([detection(10, category_id=3)], "there is no box to evaluate"),
    ],
)
def test_detections_that_cannot_be_used(root: Path, rows: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        opened(root, detections=rows)


def test_files_that_are_not_there(root: Path) -> None:
    good = spec(root, ground_truth())
    (root / "images" / "sub" / "20.png").unlink()
    with pytest.raises(
        DatasetError, match=r"'mini': 1 of the 2 images to evaluate do not exist; the first is image 20"
    ):
        open_dataset(good)
    for key, kind in (("images", "folder"), ("annotations", "file"), ("boxes", "file")):
        missing = spec(root, ground_truth(), **{key: root / "nowhere.json"})
        with pytest.raises(DatasetMissingError, match=rf"the {kind} .*nowhere.json \(`{key}`\) does not exist"):
            open_dataset(missing)


def test_a_word_that_is_no_detections_file_is_a_mistake(root: Path) -> None:
    with pytest.raises(ValidationError, match="found boxes 'gt': `ground-truth`, or the path of a person detector"):
        spec(root, ground_truth(), boxes=root / "gt")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"boxes": None}, "boxes"),
        ({"boxes": "ground-truth", "box_score_threshold": 0.1}, "`box_score_threshold` with a detections file only"),
        ({"boxes": "boxes.json", "box_score_threshold": -0.1}, "greater than or equal to 0"),
        ({"root": "x"}, "Extra inputs"),
    ],
)
def test_options_are_checked(keys: dict[str, Any], message: str) -> None:
    given = {"images": "images", "annotations": "persons.json", "boxes": "ground-truth", **keys}
    with pytest.raises(ValidationError, match=message):
        CocoKeypointsOptions.model_validate({key: value for key, value in given.items() if value is not None})


def test_boxes_are_a_word_or_a_path() -> None:
    assert CocoKeypointsOptions(images=Path(), annotations=Path(), boxes="ground-truth").boxes == "ground-truth"
    assert CocoKeypointsOptions.model_validate({"images": "i", "annotations": "a", "boxes": "b.json"}).boxes == Path(
        "b.json"
    )


def test_a_sample_of_another_dataset_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a PoseTruth"):
        truth_of(Sample("cat.png", 3, Path("cat.png")))
