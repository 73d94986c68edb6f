"""COCO keypoints: images with annotated persons, and the boxes in which a top-down net looks for their keypoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_json import CocoImage, require_images
from pytest_quant.datasets.coco_persons import (
    Annotations,
    Detection,
    Person,
    read_annotations,
    read_detections,
)
from pytest_quant.datasets.files import ImageFiles, require_file, require_folder, where
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.text import shown


class CocoKeypointsOptions(BaseModel):
    """Keys of a dataset of ``type: coco-keypoints``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Path
    """Folder of the images."""
    annotations: Path
    """A ``person_keypoints_*.json``."""
    boxes: Literal["ground-truth"] | Path
    """Where the boxes come from: the annotations, or a person detector's results in COCO's form. Two protocols, whose
    numbers are not comparable, so there is no default."""
    box_score_threshold: float = Field(default=0.0, ge=0)
    """Detections with a lower score are left out."""

    @model_validator(mode="after")
    def _threshold_of_detections(self) -> CocoKeypointsOptions:
        if isinstance(self.boxes, Path) and self.boxes.suffix.lower() != ".json":
            raise ValueError(
                f"found boxes {self.boxes.name!r}: `ground-truth`, or the path of a person detector's results, a .json"
            )
        if self.boxes == "ground-truth" and "box_score_threshold" in self.model_fields_set:
            raise ValueError("`box_score_threshold` with a detections file only: ground-truth boxes all have score 1")
        return self


@dataclass(frozen=True)
class Box:
    """A box in which a person is looked for."""

    id: str
    """``IMAGE/ANNOTATION`` of a ground-truth box, ``IMAGE/det-ROW`` of a detected one."""
    corners: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels; float32 values, as mmpose rounds them."""
    score: float
    """The detector's; 1 for a ground-truth box."""


@dataclass(frozen=True)
class PoseTruth:
    """The ground truth of one image, and its boxes."""

    image: CocoImage
    persons: tuple[Person, ...]
    boxes: tuple[Box, ...]
    """By rising annotation id, or in the order of the detections file."""


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The images that matter to the metric, in the order of the annotations; ids are COCO's image ids.

    A sample is an image, not a person: AP is defined over images, so that a subset is of whole images, and each file
    is decoded once for all of its boxes. Left out are images without a box and without a person to be found.

    Ground-truth boxes are those of persons with labelled keypoints that are not crowds, clipped to the image; detected
    ones are taken as they are. The truth is a `PoseTruth`.

    Raises:
        DatasetMissingError: The image folder, the annotations or the detections file does not exist.
        DatasetError: A file is malformed, the detections belong to other images, a person to be found has an empty
            box, images do not exist, or there is no box at all.

    """
    options: CocoKeypointsOptions = spec.options
    require_folder(options.images, spec, "images")
    require_file(options.annotations, spec, "annotations")
    if isinstance(options.boxes, Path):
        require_file(options.boxes, spec, "boxes")
    annotations = read_annotations(options.annotations)
    truths = [
        PoseTruth(image, annotations.persons[image.id], boxes)
        for image, boxes in _boxes_by_image(options, annotations)
        if boxes or any(_is_to_be_found(person) for person in annotations.persons[image.id])
    ]
    if not any(truth.boxes for truth in truths):
        raise DatasetError(
            f"{where(spec)}: there is no box to evaluate: {shown(options.annotations)} has "
            f"{len(annotations.images)} images, `boxes` is {_shown_boxes(options)}"
        )
    require_images(spec, options.images, [truth.image for truth in truths])
    return ImageFiles(spec.name, [_sample(truth, options.images) for truth in truths])


def truth_of(sample: Sample) -> PoseTruth:
    """The ground truth of a sample of this dataset."""
    if not isinstance(sample.truth, PoseTruth):
        raise TypeError(f"sample {sample.id!r} has truth {sample.truth!r}; expected a PoseTruth")
    return sample.truth


def _sample(truth: PoseTruth, folder: Path) -> Sample:
    """The score of a box does not change what the net predicts; its corners do."""
    corners = [box.corners for box in truth.boxes]
    digest = sha256(repr(corners).encode()).hexdigest()
    return Sample(str(truth.image.id), truth, folder / truth.image.file_name, digest)


def _is_to_be_found(person: Person) -> bool:
    return not person.crowd and person.labelled > 0


def _shown_boxes(options: CocoKeypointsOptions) -> str:
    if not isinstance(options.boxes, Path):
        return options.boxes
    return f"{shown(options.boxes)} with box_score_threshold {options.box_score_threshold:g}"


def _boxes_by_image(options: CocoKeypointsOptions, annotations: Annotations) -> list[tuple[CocoImage, tuple[Box, ...]]]:
    of_image = (
        _detected(options.boxes, annotations, options.box_score_threshold)
        if isinstance(options.boxes, Path)
        else _annotated(annotations)
    )
    return [(image, of_image(image)) for image in annotations.images.values()]


def _annotated(annotations: Annotations) -> Callable[[CocoImage], tuple[Box, ...]]:
    def boxes(image: CocoImage) -> tuple[Box, ...]:
        persons = filter(_is_to_be_found, annotations.persons[image.id])
        return tuple(_clipped(person, image, annotations.path) for person in sorted(persons, key=lambda p: p.id))

    return boxes


def _clipped(person: Person, image: CocoImage, path: Path) -> Box:
    """The annotated box inside the image, as mmpose 1.x cleans it."""
    left, top, width, height = person.box
    x = np.clip([left, left + width], 0, image.width - 1).astype(np.float32).tolist()
    y = np.clip([top, top + height], 0, image.height - 1).astype(np.float32).tolist()
    if x[1] <= x[0] or y[1] <= y[0]:
        raise DatasetError(
            f"{shown(path)}: person {person.id} of image {image.id} has keypoints but no box: {list(person.box)} is "
            f"empty inside the image of {image.width} by {image.height} pixels"
        )
    return Box(f"{image.id}/{person.id}", (x[0], y[0], x[1], y[1]), 1.0)


def _detected(path: Path, annotations: Annotations, threshold: float) -> Callable[[CocoImage], tuple[Box, ...]]:
    by_image: Mapping[int, list[Detection]] = defaultdict(list)
    for detection in read_detections(path, annotations):
        if np.float32(detection.score) >= threshold:
            by_image[detection.image_id].append(detection)
    return lambda image: tuple(map(_as_detected, by_image.get(image.id, ())))


def _as_detected(detection: Detection) -> Box:
    left, top, width, height = np.array(detection.box, np.float32)
    corners = (float(left), float(top), float(left + width), float(top + height))
    return Box(f"{detection.image_id}/det-{detection.index}", corners, detection.score)
