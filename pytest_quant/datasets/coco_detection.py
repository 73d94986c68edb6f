"""COCO object detection: images with annotated objects of the classes that a net knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pytest_quant.datasets.base import Sample
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
    read_lists,
    require_images,
)
from pytest_quant.datasets.files import ImageFiles, require_file, require_folder, where
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.text import first_few, shown, suggestion


class CocoDetectionOptions(BaseModel):
    """Keys of a dataset of ``type: coco-detection``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Path
    """Folder of the images."""
    annotations: Path
    """An ``instances_*.json``, or a file of the same form."""
    classes: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Names of categories in the order of the net's outputs; without it the file's categories by rising id. Objects of
    other categories are left out."""

    @field_validator("classes")
    @classmethod
    def _once_each(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        twice = [name for name, count in Counter(value or ()).items() if count > 1]
        if twice:
            raise ValueError(f"each class once: {twice[0]!r} stands there twice")
        return value


@dataclass(frozen=True)
class CocoObject:
    """An annotated object."""

    id: int
    """The annotation's id."""
    category: int
    """Its place in the classes, from 0: the net's own number."""
    box: tuple[float, ...]
    """Left, top, width and height in pixels."""
    area: float
    """Of the segmentation, in square pixels: what COCO calls small, medium and large."""
    crowd: bool


@dataclass(frozen=True)
class DetectionTruth:
    """The ground truth of one image."""

    image: CocoImage
    objects: tuple[CocoObject, ...]
    """In the order of the file."""
    classes: tuple[str, ...]
    """Names in the order of the net's outputs; the same for every image."""
    is_reference: bool = False
    """Whether the objects are another net's answers."""


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """All images of the annotations, in their order; ids are COCO's image ids. The truth is a `DetectionTruth`.

    Images without an object stay: what is found in them is wrong.

    Raises:
        DatasetMissingError: The image folder or the annotations do not exist.
        DatasetError: The file is malformed, has no category of a name in ``classes``, or images do not exist.

    """
    options: CocoDetectionOptions = spec.options
    require_folder(options.images, spec, "images")
    require_file(options.annotations, spec, "annotations")
    truths = read_truths(options.annotations, options.classes)
    if not any(truth.objects for truth in truths):
        raise DatasetError(
            f"{where(spec)}: there is no object to find: {shown(options.annotations)} has {len(truths)} images and no "
            "annotation of the classes"
        )
    require_images(spec, options.images, [truth.image for truth in truths])
    return ImageFiles(
        spec.name, [Sample(str(truth.image.id), truth, options.images / truth.image.file_name) for truth in truths]
    )


def truth_of(sample: Sample) -> DetectionTruth:
    """The ground truth of a sample of this dataset."""
    if not isinstance(sample.truth, DetectionTruth):
        raise TypeError(f"sample {sample.id!r} has truth {sample.truth!r}; expected a DetectionTruth")
    return sample.truth


def read_truths(path: Path, classes: Sequence[str] | None = None) -> list[DetectionTruth]:
    """The images of an ``instances_*.json`` with their objects; ``classes`` as in `CocoDetectionOptions`.

    Raises `DatasetError` naming the file, the entry and what is wrong with it.
    """
    data = read_lists(path)
    by_name = _categories(path, data["categories"])
    names = tuple(classes or sorted(by_name, key=lambda name: by_name[name]))
    _require_known(path, names, by_name)
    places = {category: names.index(name) if name in names else None for name, category in by_name.items()}
    images = read_images(path, data["images"])
    objects: dict[int, list[CocoObject]] = {image_id: [] for image_id in images}
    for image_id, found in read_annotated(path, data["annotations"], lambda row: _object(row, places, images)):
        if found.category >= 0:
            objects[image_id].append(found)
    return [DetectionTruth(image, tuple(objects[image_id]), names) for image_id, image in images.items()]


def _categories(path: Path, rows: Sequence[object]) -> dict[str, int]:
    """Name to id; mmdet, too, takes the names of a file as they are."""
    found: dict[str, int] = {}
    for index, row in enumerate(rows):
        try:
            category, name = field(row, "id"), field(row, "name")
            if not is_id(category) or not isinstance(name, str):
                raise RowError(f"found id {category!r} and name {name!r}; expected an integer and a text")
            if name in found or category in found.values():
                raise RowError(f"its {'name' if name in found else 'id'} stands there twice")
        except RowError as error:
            raise DatasetError(f"{shown(path)}: categories[{index}]: {error}") from error
        found[name] = category
    if not found:
        raise DatasetError(f"{shown(path)}: has no categories; expected objects with `id` and `name`")
    return found


def _require_known(path: Path, names: Sequence[str], by_name: Mapping[str, int]) -> None:
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise DatasetError(
            f"{shown(path)}: `classes` names {len(unknown)} of {len(names)} categories that the file lacks: "
            f"{first_few([repr(name) for name in unknown])}.{suggestion(unknown[0], by_name)} The file has "
            f"{len(by_name)}: {first_few(list(by_name), 8)}. Expected the names as the file spells them, in the order "
            "of the net's outputs"
        )


def _object(row: object, places: Mapping[int, int | None], images: Mapping[int, CocoImage]) -> tuple[int, CocoObject]:
    """The image and the object of an annotation, of category -1 where it is of none of the classes."""
    image_id, category = field(row, "image_id"), field(row, "category_id")
    if not is_id(image_id) or image_id not in images:
        raise RowError(f"found image_id {image_id!r}, which `images` does not declare")
    if not is_id(category) or category not in places:
        raise RowError(f"found category_id {category!r}, which `categories` does not declare")
    object_id = field(row, "id")
    if not is_id(object_id):
        raise RowError(f"found id {object_id!r}; expected an integer")
    what = f"object {object_id} of image {image_id}"
    if not has(row, "bbox"):
        raise RowError(f"{what} has no box; expected `bbox: [left, top, width, height]`")
    box, area = numbers(row, "bbox", 4), number(row, "area")
    if box[2] < 0 or box[3] < 0 or area < 0:
        raise RowError(f"{what}: found bbox {list(box)} and area {area:g}; expected a width, height and area from 0")
    crowd = optional(row, "iscrowd", 0)
    if crowd not in (0, 1):
        raise RowError(f"{what}: found iscrowd {crowd!r}; expected 0 or 1")
    place = places[category]
    return image_id, CocoObject(object_id, -1 if place is None else place, box, area, bool(crowd))
