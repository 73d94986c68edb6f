"""Persons in COCO's JSON files: ground truth with keypoints, and the results of a person detector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.datasets.coco_json import (
    CocoImage,
    RowError,
    field,
    has,
    is_id,
    number,
    numbers,
    optional,
    read_annotated,
    read_images,
    read_json,
    read_lists,
)
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.text import listed, shown

_KEYPOINT_COUNT = 17


@dataclass(frozen=True)
class Person:
    """An annotated person."""

    id: int
    """The annotation's id."""
    box: tuple[float, ...]
    """Left, top, width and height in pixels, as annotated."""
    area: float
    """Of the segmentation, in square pixels."""
    keypoints: tuple[float, ...]
    """51 numbers: x, y and visibility (0 not labelled, 1 hidden, 2 visible) of each keypoint."""
    labelled: int
    """``num_keypoints`` of the annotation."""
    crowd: bool


@dataclass(frozen=True)
class Annotations:
    """A keypoint annotations file."""

    path: Path
    images: Mapping[int, CocoImage]
    """By id, in the order of the file."""
    persons: Mapping[int, tuple[Person, ...]]
    """By image id, in the order of the file; every image has an entry."""
    person_category: int


@dataclass(frozen=True)
class Detection:
    """One row of a detector's results."""

    index: int
    """Its place in the file, from 0."""
    image_id: int
    box: tuple[float, ...]
    """Left, top, width and height in pixels."""
    score: float


def read_annotations(path: Path) -> Annotations:
    """Read a ``person_keypoints_*.json`` of COCO, or a file of the same form.

    Raises `DatasetError` naming the file, the entry and what is wrong with it.
    """
    data = read_lists(path)
    category = _person_category(path, data["categories"])
    images = read_images(path, data["images"])
    persons: dict[int, list[Person]] = {image_id: [] for image_id in images}
    for image_id, person in read_annotated(path, data["annotations"], lambda row: _person(row, category, images)):
        persons[image_id].append(person)
    return Annotations(path, images, {key: tuple(value) for key, value in persons.items()}, category)


def read_detections(path: Path, annotations: Annotations) -> list[Detection]:
    """Read the person rows of a COCO results file: a list of ``{image_id, category_id, bbox, score}``.

    Raises `DatasetError` naming the file and the row, also when its images are not those of the annotations.
    """
    data = read_json(path)
    if not isinstance(data, list):
        raise DatasetError(
            f"{shown(path)} is not a COCO results file; expected a list of objects with image_id, category_id, bbox "
            "and score"
        )
    detections = []
    for index, row in enumerate(data):
        try:
            detection = _detection(row, index, annotations.person_category)
        except RowError as error:
            raise DatasetError(f"{shown(path)}: row {index}: {error}") from error
        if detection is not None:
            detections.append(detection)
    _check_images(path, detections, annotations)
    return detections


def _person_category(path: Path, categories: Iterable[object]) -> int:
    known = {row["name"]: row for row in categories if isinstance(row, dict) and isinstance(row.get("name"), str)}
    person = known.get("person")
    if person is None or not is_id(person.get("id")):
        raise DatasetError(
            f"{shown(path)}: found the categories {listed(known) or 'none'}; expected `person` with an integer id"
        )
    names = person.get("keypoints")
    if isinstance(names, list) and len(names) != _KEYPOINT_COUNT:
        raise DatasetError(
            f"{shown(path)}: the category `person` has {len(names)} keypoints; expected the {_KEYPOINT_COUNT} of COCO"
        )
    return int(person["id"])


def _person(row: object, category: int, images: Mapping[int, CocoImage]) -> tuple[int, Person | None]:
    """The image and the person of an annotation; None for one of another category."""
    image_id = field(row, "image_id")
    if not is_id(image_id) or image_id not in images:
        raise RowError(f"found image_id {image_id!r}, which `images` does not declare")
    if field(row, "category_id") != category:
        return image_id, None
    person_id = field(row, "id")
    if not is_id(person_id):
        raise RowError(f"found id {person_id!r}; expected an integer")
    what = f"person {person_id} of image {image_id}"
    if not has(row, "bbox"):
        raise RowError(f"{what} has no box; expected `bbox: [left, top, width, height]`")
    if not has(row, "keypoints"):
        raise RowError(f"{what} has no keypoints: is this a person_keypoints file, not an instances file?")
    keypoints = numbers(row, "keypoints", 3 * _KEYPOINT_COUNT)
    labelled = optional(row, "num_keypoints", sum(visibility > 0 for visibility in keypoints[2::3]))
    area = number(row, "area")
    box = numbers(row, "bbox", 4)
    if not is_id(labelled) or labelled < 0 or area < 0:
        raise RowError(f"{what}: found num_keypoints {labelled!r} and area {area:g}; expected numbers from 0")
    return image_id, Person(person_id, box, area, keypoints, labelled, bool(optional(row, "iscrowd", 0)))


def _detection(row: object, index: int, category: int) -> Detection | None:
    if field(row, "category_id") != category:
        return None
    image_id = field(row, "image_id")
    if not is_id(image_id):
        raise RowError(f"found image_id {image_id!r}; expected an integer")
    box = numbers(row, "bbox", 4)
    if not (box[2] >= 0 and box[3] >= 0 and box[2] + box[3] > 0):
        raise RowError(f"found bbox {list(box)}; expected [left, top, width, height] of a box that is not empty")
    score = number(row, "score")
    return Detection(index, image_id, box, score)


def _check_images(path: Path, detections: Iterable[Detection], annotations: Annotations) -> None:
    strange = [detection for detection in detections if detection.image_id not in annotations.images]
    if strange:
        images = {detection.image_id for detection in strange}
        raise DatasetError(
            f"{shown(path)}: {len(strange)} detections are on {len(images)} images that {shown(annotations.path)} does "
            f"not have; the first is row {strange[0].index}, image_id {strange[0].image_id}. Are both of the same "
            "dataset and split? Leave out the rows of other images when the annotations are a subset"
        )
