"""Annotation files of MMOCR: the 1.x form (``data_list``) and the 0.x form, which is COCO-like."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from pydantic import BaseModel, ConfigDict

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.files import ImageFiles, missing_files, require_file, require_folder, where
from pytest_quant.datasets.text_region import POINTS_MIN, TextRegion, TextTruth, is_coordinate
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.strict import parse_json
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import whole_file


class MmocrJsonOptions(BaseModel):
    """Keys of a dataset of ``type: mmocr-json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Path
    """The folder to which the paths in the file are relative."""
    annotations: Path
    """The json file."""


@dataclass(frozen=True)
class AnnotatedImage:
    """One image of an annotation file."""

    path: str
    """Relative POSIX path in its shortest form."""
    regions: TextTruth


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The images that the file names, in its order; ids are their paths as the file writes them.

    Raises:
        DatasetMissingError: The folder or the file does not exist.
        DatasetError: The file has neither form, an entry is bad, or files that it names do not exist.

    """
    options: MmocrJsonOptions = spec.options
    require_folder(options.images, spec, "images")
    require_file(options.annotations, spec, "annotations")
    try:
        images = parse_annotations(_load(options.annotations))
    except _EntryError as error:
        raise DatasetError(f"{where(spec)}: {shown(options.annotations)}: {error}") from None
    missing = missing_files(options.images, [image.path for image in images])
    if missing:
        raise DatasetError(
            f"{where(spec)}: {len(missing)} of {len(images)} images named in {shown(options.annotations)} do not exist "
            f"below {shown(options.images)} (`images`); the first is {images[missing[0]].path!r}"
        )
    return ImageFiles(spec.name, [Sample(image.path, image.regions, options.images / image.path) for image in images])


def parse_annotations(content: object) -> list[AnnotatedImage]:
    """The images of a parsed file of either form; raises `DatasetError` that names the entry."""
    if isinstance(content, Mapping) and "data_list" in content:
        images = list(_images_of_1x(content))
    elif isinstance(content, Mapping) and {"images", "annotations"} <= content.keys():
        images = list(_images_of_0x(content))
    else:
        raise _EntryError("has neither `data_list` (MMOCR 1.x) nor `images` and `annotations` (MMOCR 0.x)")
    if not images:
        raise _EntryError("names no images")
    first: dict[str, int] = {}
    for index, image in enumerate(images):
        if first.setdefault(image.path, index) != index:
            raise _EntryError(f"the image {image.path!r} stands in it twice, as number {first[image.path]} and {index}")
    return images


class _EntryError(DatasetError):
    """What is wrong with an entry, and which it is."""


def _load(file: Path) -> object:
    try:
        return parse_json(whole_file(file))
    except OSError as error:
        raise _EntryError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _EntryError(f"is not text in UTF-8 (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise _EntryError(f"line {error.lineno}: is not JSON: {error.msg}") from error
    except ValueError as error:
        raise _EntryError(f"is not JSON: {error}") from error


def _images_of_1x(content: object) -> Iterator[AnnotatedImage]:
    for number, entry in enumerate(_list(content, "data_list", "")):
        place = f"data_list[{number}]"
        path = _path(entry, "img_path", place)
        regions = []
        for index, instance in enumerate(_list(entry, "instances", place)):
            at = f"{place}.instances[{index}]"
            polygon = _polygon(_key(instance, "polygon", at), f"{at}.polygon")
            regions.append(TextRegion(polygon, _flag(instance, "ignore", at)))
        yield AnnotatedImage(path, tuple(regions))


def _images_of_0x(content: object) -> Iterator[AnnotatedImage]:
    paths: dict[int | str, str] = {}
    for number, entry in enumerate(_list(content, "images", "")):
        place = f"images[{number}]"
        path = _path(entry, "file_name", place)
        own = _id(entry, "id", place)
        if paths.setdefault(own, path) is not path:
            raise _EntryError(f"{place}: the id {own!r} is that of an image before it; expected one of its own")
    regions: dict[int | str, list[TextRegion]] = {image: [] for image in paths}
    for number, entry in enumerate(_list(content, "annotations", "")):
        place = f"annotations[{number}]"
        image = _id(entry, "image_id", place)
        if image not in regions:
            raise _EntryError(f"{place}: there is no image with its image_id {image!r}")
        if not _flag(entry, "ignore", place) and not _is_speck(entry, place):
            polygon = _polygon(_only_ring(entry, place), f"{place}.segmentation")
            regions[image].append(TextRegion(polygon, _flag(entry, "iscrowd", place)))
    for image, path in paths.items():
        yield AnnotatedImage(path, tuple(regions[image]))


def _is_speck(entry: object, place: str) -> bool:
    """MMOCR 0.x passes over a region without area and a box that is not one pixel wide and high."""
    area, box = _optional(entry, "area", 1), _optional(entry, "bbox", [0, 0, 1, 1])
    if not _is_number(area) or not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise _EntryError(f"{place}: found area {area!r} and bbox {box!r}; expected a number and [x, y, width, height]")
    return bool(area <= 0 or box[2] < 1 or box[3] < 1)


def _only_ring(entry: object, place: str) -> object:
    rings = _key(entry, "segmentation", place)
    if not isinstance(rings, list) or len(rings) != 1:
        raise _EntryError(f"{place}.segmentation: found {_brief(rings)}; expected a list that holds one polygon")
    return rings[0]


def _key(entry: object, key: str, place: str) -> object:
    if not isinstance(entry, Mapping):
        raise _EntryError(f"{place}: found {_brief(entry)}; expected an object")
    if key not in entry:
        raise _EntryError(f"{place}: has no `{key}`")
    return entry[key]


def _optional(entry: object, key: str, default: object) -> object:
    return entry.get(key, default) if isinstance(entry, Mapping) else default


def _list(entry: object, key: str, place: str) -> list[object]:
    value = _key(entry, key, place)
    if not isinstance(value, list):
        raise _EntryError(f"{place}{'.' if place else ''}{key}: found {_brief(value)}; expected a list")
    return value


def _id(entry: object, key: str, place: str) -> int | str:
    value = _key(entry, key, place)
    if not isinstance(value, int | str):
        raise _EntryError(f"{place}.{key}: found {_brief(value)}; expected a number")
    return value


def _flag(entry: object, key: str, place: str) -> bool:
    value = _optional(entry, key, False)
    if value not in (0, 1):
        raise _EntryError(f"{place}.{key}: found {_brief(value)}; expected true, false, 0 or 1")
    return bool(value)


def _path(entry: object, key: str, place: str) -> str:
    path = _key(entry, key, place)
    if not isinstance(path, str) or not path or "\0" in path:
        raise _EntryError(f"{place}.{key}: found {_brief(path)}; expected the path of an image")
    normal = posixpath.normpath(path)
    if normal.startswith(("/", "../")) or normal in ("..", "."):
        raise _EntryError(f"{place}.{key}: {path!r} leaves the dataset's folder; expected a path relative to `images`")
    return normal


def _polygon(value: object, place: str) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) % 2 or len(value) < 2 * POINTS_MIN or not all(map(_is_number, value)):
        raise _EntryError(
            f"{place}: found {_brief(value)}; expected [x1, y1, x2, y2, ...] with {POINTS_MIN} points or more"
        )
    return tuple(float(number) for number in value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and is_coordinate(value)


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
