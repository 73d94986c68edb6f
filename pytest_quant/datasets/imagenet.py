"""The ImageNet-1k folder layout: ``val/`` with ``meta/val.txt``, or with one folder per class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.class_names import class_names
from pytest_quant.datasets.files import ImageFiles, open_listed, require_folder, where
from pytest_quant.datasets.folders import Entry, entries
from pytest_quant.datasets.label_list import read_label_list
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.text import shown

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})


class ImagenetOptions(BaseModel):
    """Keys of a dataset of ``type: imagenet``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Path
    """Holds ``<split>/`` and, if present, ``meta/<split>.txt``."""
    split: str = Field(default="val", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The images of a split; ids are paths relative to ``<root>/<split>/``, the truth is the class index.

    With ``meta/<split>.txt`` (``relative/path label`` per line) that file is the ground truth. Without it each class
    has a folder, and a class's index is the place of its folder in the order of their names: the rank of the WordNet
    id, as in mmpretrain and torchvision, not the ILSVRC devkit's own numbering. Hidden files and folders are ignored.

    Raises:
        DatasetMissingError: The split's folder does not exist.
        DatasetError: The list is malformed, files that it names do not exist, images have no class, or a class folder
            holds no image.

    """
    options: ImagenetOptions = spec.options
    folder = options.root / options.split
    require_folder(options.root, spec, "root")
    require_folder(folder, spec, "split")
    list_file = options.root / "meta" / f"{options.split}.txt"
    if list_file.exists():
        return open_listed(spec, folder, read_label_list(list_file, options.root), list_file)
    samples = _class_folder_samples(spec, folder, list_file)
    folders = tuple(dict.fromkeys(sample.id.partition("/")[0] for sample in samples))
    names = class_names((options.root / "meta", options.root), samples) or folders
    return ImageFiles(spec.name, samples, names, ranks_folders=True)


def _class_folder_samples(spec: DatasetSpec, folder: Path, list_file: Path) -> list[Sample]:
    what = where(spec)
    remedy = f"sort the images into one folder per class, or name their classes in {shown(list_file)}"
    classes, loose = _folders_and_images(folder)
    if loose:
        raise DatasetError(
            f"{what}: {len(loose)} images lie in {shown(folder)} itself and have no class, the first is {loose[0]!r}; "
            f"{remedy}"
        )
    if not classes:
        raise DatasetError(f"{what}: {shown(folder)} holds no images; {remedy}")
    samples: list[Sample] = []
    for label, class_name in enumerate(classes):
        ids = sorted(_image_ids(folder, class_name))
        if not ids:
            # Passing over the folder would be a guess: it may be a class without samples, or no class at all, and
            # the labels of all folders after it depend on which.
            raise DatasetError(
                f"{what}: class folder {shown(folder / class_name)} holds no images; remove it, or {remedy}"
            )
        samples += [Sample(id_, label, folder / id_) for id_ in ids]
    return samples


def _image_ids(folder: Path, below: str) -> Iterator[str]:
    """Paths relative to ``folder`` of all images in its subfolder ``below`` and the folders in that."""
    folders, images = _folders_and_images(folder / below)
    yield from (f"{below}/{name}" for name in images)
    for name in folders:
        yield from _image_ids(folder, f"{below}/{name}")


def _folders_and_images(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the folders and of the images in a folder, each sorted; hidden ones and other files are left out."""
    folders: list[str] = []
    images: list[str] = []
    try:
        for entry in entries(folder):
            if entry.name.startswith("."):
                continue
            if entry.is_folder:
                folders.append(_text_name(entry))
            elif os.path.splitext(entry.name)[1].lower() in _SUFFIXES:
                images.append(_text_name(entry))
                _require_target(entry)
    except OSError as error:
        raise DatasetError(f"folder {shown(folder)} cannot be listed: {error.strerror}") from error
    return sorted(folders), sorted(images)


def _text_name(entry: Entry) -> str:
    """The name of an entry; it becomes part of sample ids, which reports and hashes write in UTF-8."""
    try:
        entry.name.encode()
    except UnicodeEncodeError as error:
        raise DatasetError(f"{os.fsencode(entry.path)!r}: the name is not text in UTF-8; rename it") from error
    return entry.name


def _require_target(entry: Entry) -> None:
    if not entry.is_file:
        raise DatasetError(f"{shown(entry.path)} is not a file; expected an image (a link to one that is gone?)")
