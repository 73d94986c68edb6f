"""Images with label images: Cityscapes, ADE20K, VOC, CamVid and whatever is laid out like one of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pytest_quant.datasets.annotation_pairs import IMAGE_SUFFIXES, natural_order
from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.files import ImageFiles, require_file, require_folder, where
from pytest_quant.datasets.folders import files_below
from pytest_quant.datasets.image_bytes import image_bytes
from pytest_quant.datasets.inside import inside
from pytest_quant.datasets.masks import Coding, MaskFile
from pytest_quant.datasets.remote import fetch_all
from pytest_quant.datasets.text_lines import read_text
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.paths import is_file
from pytest_quant.spec.text import first_few, shown

Byte = Annotated[int, Field(strict=True, ge=0, le=255)]
ColorKey = tuple[Byte, Byte, Byte]
ClassNames = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class SegmentationOptions(BaseModel):
    """Keys of a dataset of ``type: segmentation``: ``images`` and ``masks``, or ``list``, or all three."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Path | None = None
    """Folder of the images, searched with its subfolders."""
    masks: Path | None = None
    """Folder of the label images, laid out like the folder of the images."""
    list: Path | None = None
    """Text file with one sample per line: ``image mask``, both relative to its folder. With ``images`` and ``masks`` a
    line is the name without suffix of a file in either, as the splits of VOC and ADE20K have it."""
    image_suffix: Annotated[str, Field(min_length=1)] | None = None
    """What names of images end in and those of label images do not, such as ``_leftImg8bit.png``."""
    mask_suffix: Annotated[str, Field(min_length=1)] | None = None
    """The same of label images, such as ``_gtFine_labelTrainIds.png``."""
    classes: Path | ClassNames | None = None
    """Names of the classes in the order of their indexes, or a text file with one per line; None: numbers, as many as
    the net has outputs."""
    ignore_index: Annotated[int, Field(strict=True, ge=0, le=65535)] = 255
    reduce_zero_label: Annotated[bool, Field(strict=True)] = False
    palette: Annotated[tuple[ColorKey, ...], Field(min_length=1)] | None = None
    ignore_colors: tuple[ColorKey, ...] = ()

    @model_validator(mode="after")
    def _fit_together(self) -> SegmentationOptions:
        if (self.images is None) != (self.masks is None) or (self.images is None and self.list is None):
            raise ValueError("`images` and `masks` (folders), or `list` (a text file with `image mask` on each line)")
        if self.reduce_zero_label and self.ignore_index != 255:
            raise ValueError("ignore_index 255 with reduce_zero_label, which turns 0 into 255")
        if self.palette is None and self.ignore_colors:
            raise ValueError("ignore_colors with `palette` only: pixels that are indexes have `ignore_index`")
        if self.palette is not None and (self.reduce_zero_label or "ignore_index" in self.model_fields_set):
            raise ValueError("`ignore_colors` with `palette`: ignore_index and reduce_zero_label are about indexes")
        return self

    @property
    def coding(self) -> Coding:
        """How the label images are read."""
        return Coding(
            self.ignore_index,
            self.reduce_zero_label,
            self.palette,
            self.ignore_colors,
        )


def class_names(options: SegmentationOptions) -> tuple[str, ...] | None:
    """The names of the classes; None where the dataset does not give them.

    Raises `DatasetError` when their file cannot be read or holds none, or when there are not as many colours as names.
    """
    if options.classes is None:
        return None if options.palette is None else tuple(map(str, range(len(options.palette))))
    if isinstance(options.classes, Path):
        names = tuple(line.strip() for line in read_text(options.classes).split("\n") if line.strip())
        if not names:
            raise DatasetError(f"{shown(options.classes)} (`classes`) holds no names; expected one per line")
    else:
        names = options.classes
    if options.palette is not None and len(options.palette) != len(names):
        raise DatasetError(f"{len(names)} `classes`, but {len(options.palette)} colours in `palette`; expected as many")
    return names


@dataclass(frozen=True)
class _Pair:
    name: str
    image: Path
    mask: Path


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The images, whose truth is a `MaskFile`; ids are their paths relative to ``images``, or as the list has them.

    Raises:
        DatasetMissingError: A folder or the list does not exist.
        DatasetError: An image has no label image or the reverse, files of the list do not exist, or names are double.

    """
    options: SegmentationOptions = spec.options
    if options.images is not None and options.masks is not None:
        require_folder(options.images, spec, "images")
        require_folder(options.masks, spec, "masks")
    if options.list is not None:
        require_file(options.list, spec, "list")
    class_names(options)
    pairs = list(_listed(spec, options, options.list)) if options.list is not None else list(_in_folders(spec, options))
    _check(spec, pairs)
    fetch_all(pair.mask for pair in pairs)
    return ImageFiles(spec.name, [_sample(pair, options.coding) for pair in pairs])


def _sample(pair: _Pair, coding: Coding) -> Sample:
    """What is kept of a prediction are counts against the label image, so that belongs to what it depends on."""
    try:
        digest = hashlib.sha256(image_bytes(pair.mask, f"the label image {shown(pair.mask)}")).hexdigest()
    except OSError as error:
        raise DatasetError(f"the label image {shown(pair.mask)} cannot be read: {error.strerror}") from error
    truth = MaskFile(pair.mask, digest, coding)
    return Sample(pair.name, truth, pair.image, hashlib.sha256(repr(truth).encode()).hexdigest())


def _in_folders(spec: DatasetSpec, options: SegmentationOptions) -> Iterator[_Pair]:
    images, masks = _by_stem(spec, options, "images"), _by_stem(spec, options, "masks")
    bare = [name for stem, name in images.items() if stem not in masks]
    orphans = [name for stem, name in masks.items() if stem not in images]
    if not images:
        raise DatasetError(f"{where(spec)}: {shown(_folder(options, 'images'))} (`images`) holds no images")
    if bare or orphans:
        found = [
            f"{len(bare)} images have no label image, the first is {bare[0]!r}" if bare else "",
            f"{len(orphans)} label images have no image, the first is {orphans[0]!r}" if orphans else "",
        ]
        raise DatasetError(
            f"{where(spec)}: {'; '.join(filter(None, found))}; expected one of each with the same path below `images` "
            "and `masks`, up to `image_suffix` and `mask_suffix`, or a `list` of those to take"
        )
    for stem, name in images.items():
        yield _Pair(name, _folder(options, "images") / name, _folder(options, "masks") / masks[stem])


def _folder(options: SegmentationOptions, key: str) -> Path:
    found = options.images if key == "images" else options.masks
    if found is None:
        raise TypeError(f"{key} is not given")
    return found


def _by_stem(spec: DatasetSpec, options: SegmentationOptions, key: str) -> dict[str, str]:
    """Files of a folder and its subfolders: path without suffix to path, in natural order."""
    folder = _folder(options, key)
    suffix = options.image_suffix if key == "images" else options.mask_suffix
    names = sorted(
        (
            path.relative_to(folder).as_posix()
            for path in files_below(folder)
            if not path.name.startswith(".")
            and (path.name.endswith(suffix) if suffix is not None else path.suffix.lower() in IMAGE_SUFFIXES)
        ),
        key=natural_order,
    )
    found: dict[str, str] = {}
    for name in names:
        stem = name.removesuffix(suffix) if suffix is not None else name.removesuffix(Path(name).suffix)
        first = found.setdefault(stem, name)
        if first is not name:
            raise DatasetError(f"{where(spec)}: {first!r} and {name!r} of `{key}` are for the same sample")
    return found


def _listed(spec: DatasetSpec, options: SegmentationOptions, file: Path) -> Iterator[_Pair]:
    stems = {key: _by_stem(spec, options, key) for key in ("images", "masks")} if options.images is not None else None
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        text = line.strip()
        if not text:
            continue
        if stems is None:
            yield _pair_of_line(text, file, number)
            continue
        absent = [key for key in stems if text not in stems[key]]
        if absent:
            raise DatasetError(
                f"{where(spec)}: {shown(file)}, line {number}: {text!r} is not a file of `{absent[0]}` "
                f"({shown(_folder(options, absent[0]))}); expected its path without the suffix"
            )
        image, mask = stems["images"][text], stems["masks"][text]
        yield _Pair(image, _folder(options, "images") / image, _folder(options, "masks") / mask)


def _pair_of_line(text: str, file: Path, number: int) -> _Pair:
    parts = text.split("\t") if "\t" in text else text.split()
    if len(parts) != 2:
        raise DatasetError(f"{shown(file)}, line {number}: found {text!r}; expected 'image mask', both paths")
    for part in parts:
        if inside(part) is None:
            raise DatasetError(
                f"{shown(file)}, line {number}: {part!r} leaves the folder of the list; expected a path below it: put "
                "the list where images and label images lie, or give `images` and `masks`"
            )
    return _Pair(parts[0], file.parent / parts[0], file.parent / parts[1])


def _check(spec: DatasetSpec, pairs: Sequence[_Pair]) -> None:
    if not pairs:
        raise DatasetError(f"{where(spec)}: `list` names no samples; expected 'image mask' on each line")
    double = [name for name, times in Counter(pair.name for pair in pairs).items() if times > 1]
    if double:
        raise DatasetError(f"{where(spec)}: {first_few(double)} named twice; expected each sample once")
    absent = [path for pair in pairs for path in (pair.image, pair.mask) if not is_file(path)]
    if absent:
        raise DatasetError(
            f"{where(spec)}: {len(absent)} of the {2 * len(pairs)} files do not exist; the first is {shown(absent[0])}"
        )
