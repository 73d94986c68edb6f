"""Folders of images with a folder of annotation files: which belongs to which."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.files import ImageFiles, require_folder, where
from pytest_quant.datasets.folders import entries
from pytest_quant.datasets.remote import fetch_all
from pytest_quant.datasets.text_lines import ParsedFile, raise_problems
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.text import shown

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})

KeyOf = Callable[[str], str]
"""The stem of a file name to what an image and its annotation file have in common."""


class FolderOptions(BaseModel):
    """Keys of a dataset with one annotation file for each image."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Path
    """Folder of the images."""
    annotations: Path
    """Folder of their annotation files; may be the same."""


@dataclass(frozen=True)
class Naming:
    """How a dataset names its files."""

    suffixes: frozenset[str]
    """Of annotation files, in lower case."""
    image_key: KeyOf
    annotation_key: KeyOf


def open_pairs(spec: DatasetSpec, naming: Naming, parse: Callable[[Path], ParsedFile]) -> ImageFiles:
    """The dataset of an images folder and an annotations folder, both without subfolders.

    Samples are in the natural order of the image names (``img_2`` before ``img_10``), which are the ids; the truth is
    what ``parse`` finds in the image's annotation file. Hidden files and files with other suffixes do not matter.

    Raises:
        DatasetMissingError: A folder does not exist.
        DatasetError: An image has no annotation file, or the reverse; two files are for the same sample; there are no
            images; or lines of annotation files are bad.

    """
    options: FolderOptions = spec.options
    require_folder(options.images, spec, "images")
    require_folder(options.annotations, spec, "annotations")
    images = _by_key(spec, _names(options.images, IMAGE_SUFFIXES), naming.image_key)
    files = _by_key(spec, _names(options.annotations, naming.suffixes), naming.annotation_key)
    if not images:
        raise DatasetError(f"{where(spec)}: {shown(options.images)} (`images`) holds no images")
    _check_complete(spec, options, images, files)
    fetch_all(options.annotations / files[key] for key in images)
    parsed = {key: parse(options.annotations / files[key]) for key in images}
    raise_problems(where(spec), [problem for file in parsed.values() for problem in file.problems])
    samples = [Sample(name, parsed[key].regions, options.images / name) for key, name in images.items()]
    return ImageFiles(spec.name, samples)


def number_key(stem: str) -> str:
    """A number without leading zeros, any other stem as it is.

    >>> number_key("0001001"), number_key("a01")
    ('1001', 'a01')
    """
    return stem.lstrip("0") or "0" if stem.isascii() and stem.isdigit() else stem


def natural_order(name: str) -> list[tuple[str, int]]:
    """A key that sorts numbers inside names by value.

    >>> sorted(["img_10.jpg", "img_2.jpg"], key=natural_order)
    ['img_2.jpg', 'img_10.jpg']
    """
    return [(text, int(digits or 0)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", name)]


def _names(folder: Path, suffixes: Iterable[str]) -> list[str]:
    try:
        found = [entry.name for entry in entries(folder) if not entry.name.startswith(".")]
    except OSError as error:
        raise DatasetError(f"folder {shown(folder)} cannot be listed: {error.strerror}") from error
    return sorted((name for name in found if os.path.splitext(name)[1].lower() in suffixes), key=natural_order)


def _by_key(spec: DatasetSpec, names: Sequence[str], key_of: KeyOf) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        first = found.setdefault(key_of(os.path.splitext(name)[0]), name)
        if first is not name:
            raise DatasetError(f"{where(spec)}: {first!r} and {name!r} are for the same sample; expected one file")
    return found


def _check_complete(
    spec: DatasetSpec, options: FolderOptions, images: Mapping[str, str], files: Mapping[str, str]
) -> None:
    bare = [name for key, name in images.items() if key not in files]
    orphans = [name for key, name in files.items() if key not in images]
    problems = []
    if bare:
        folder = shown(options.annotations)
        problems.append(
            f"{len(bare)} images have no ground truth in {folder} (`annotations`), the first is {bare[0]!r}"
        )
    if orphans:
        folder = shown(options.images)
        problems.append(
            f"{len(orphans)} ground-truth files have no image in {folder} (`images`), the first is {orphans[0]!r}"
        )
    if problems:
        raise DatasetError(f"{where(spec)}: {'; '.join(problems)}; expected one file for each image")
