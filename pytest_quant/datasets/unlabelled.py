"""Images without ground truth: a folder, a list file or single files. They serve to calibrate, not to score."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.datasets.folders import files_below
from pytest_quant.datasets.inside import inside
from pytest_quant.spec.errors import DatasetError, DatasetMissingError
from pytest_quant.spec.paths import exists, is_file, is_folder
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import whole_file

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""What is taken from a folder, in any case; a list may name other files."""


@dataclass(frozen=True)
class FileKind:
    """What is looked for."""

    one: str
    many: str
    suffixes: frozenset[str]
    must_match: bool = False
    """Whether a list may name nothing else."""


IMAGE_FILES = FileKind("image", "images", IMAGE_SUFFIXES)
ARRAY_FILES = FileKind("array file", "array files", frozenset({".npy", ".npz"}), must_match=True)


class UnlabelledOptions(BaseModel):
    """Keys of a dataset whose samples are files alone: a folder of them, or a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[FileKind]
    """What the files are."""

    root: Path | None = None
    """A folder, searched with its subfolders."""
    list: Path | None = None
    """A text file with one path a line, relative to the file's own folder."""

    @model_validator(mode="after")
    def _one_of_both(self) -> UnlabelledOptions:
        if (self.root is None) == (self.list is None):
            raise ValueError(f"one of the keys `root`, a folder of {self.kind.many}, and `list`, a text file of them")
        return self

    @property
    def source(self) -> Path:
        """The one that is there."""
        found = self.root or self.list
        if found is None:
            raise TypeError("neither `root` nor `list`: validation lets nothing of the kind through")
        return found


def find_files(source: Path | Sequence[Path], kind: FileKind, *, what: str, is_dataset: bool = False) -> list[Sample]:
    """The files of ``source``, see `open_images`, which says what that may be and what is raised."""
    if isinstance(source, Path):
        return _in_folder(source, kind, what) if is_folder(source) else _listed(source, kind, what, is_dataset)
    paths = [path.absolute() for path in source]
    folder = _common_folder(paths) if paths else Path()
    return _samples(paths, folder, kind, what, f"the {kind.many} given")


def open_images(source: Path | Sequence[Path], *, what: str = "images", is_dataset: bool = False) -> ImageFiles:
    """Find the images of ``source``, without reading pixels; the truth of a sample is None.

    Args:
        source: a folder (searched with its subfolders, in the order of the relative paths), a text file with one path
            per line, relative to the file's own folder (blank lines and lines that begin with ``#`` are passed over),
            or the files themselves.
        what: how messages name the source: a key or an option.
        is_dataset: the paths in a list stay below its folder, as in any dataset; those of a calibration may lie
            anywhere, as in ncnn's own lists.

    Raises:
        DatasetMissingError: the folder or the list does not exist.
        DatasetError: there are no images, one is named twice, or a named one does not exist.

    """
    return ImageFiles(what, find_files(source, IMAGE_FILES, what=what, is_dataset=is_dataset))


def _in_folder(folder: Path, kind: FileKind, what: str) -> list[Sample]:
    found = [path for path in files_below(folder, _raise) if path.suffix.lower() in kind.suffixes]
    if not found:
        raise DatasetError(
            f"{what}: {shown(folder)} holds no {kind.one} ({', '.join(sorted(kind.suffixes))}), subfolders included"
        )
    return _samples(sorted(found), folder, kind, what, shown(folder))


def _raise(error: OSError) -> None:
    raise DatasetError(f"folder {error.filename} cannot be listed: {error.strerror}")


def _listed(path: Path, kind: FileKind, what: str, is_dataset: bool) -> list[Sample]:
    if not exists(path):
        raise DatasetMissingError(
            f"{what}: {shown(path)} does not exist; expected a folder of {kind.many} or a list of them"
        )
    if path.suffix.lower() in kind.suffixes:
        return _samples([path], path.parent, kind, what, shown(path))
    try:
        lines = whole_file(path).decode().splitlines()
    except UnicodeDecodeError:
        raise DatasetError(
            f"{what}: {shown(path)} is neither a folder of {kind.many} nor a text file that lists them"
        ) from None
    except OSError as error:
        raise DatasetError(f"{what}: {shown(path)} cannot be read: {error.strerror}") from error
    named = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if is_dataset:
        leaving = [number for number, name in enumerate(named, start=1) if inside(name) is None]
        if leaving:
            raise DatasetError(
                f"{what}: {len(leaving)} of the {len(named)} paths in {shown(path)} leave its folder, the first is "
                f"number {leaving[0]}; expected paths relative to the list's own folder, and below it"
            )
    return _samples(
        [type(path)(os.path.normpath(path.parent / name)) for name in named], path.parent, kind, what, shown(path)
    )


def _samples(paths: Sequence[Path], folder: Path, kind: FileKind, what: str, where: str) -> list[Sample]:
    if not paths:
        raise DatasetError(f"{what}: {where} names no {kind.one}")
    other = [path for path in paths if kind.must_match and path.suffix.lower() not in kind.suffixes]
    if other:
        raise DatasetError(
            f"{what}: number {paths.index(other[0]) + 1} of the {len(paths)} paths of {where} does not end in "
            f"{' or '.join(sorted(kind.suffixes))}; expected {kind.many}"
        )
    missing = [path for path in paths if not is_file(path)]
    if missing:
        count = f"{len(missing)} of the {len(paths)} {kind.many} of {where}"
        first = shown(missing[0])
        if missing[0].suffix.lower() not in kind.suffixes:  # it may be anything, such as a line of a private file
            first = f"number {paths.index(missing[0]) + 1}, which does not look like the path of an {kind.one}"
        raise DatasetError(f"{what}: {count} do not exist; the first is {first}")
    ids = [_id(path, folder) for path in paths]
    repeated, times = Counter(ids).most_common(1)[0]
    if times > 1:
        raise DatasetError(f"{what}: {where} names {repeated!r} {times} times")
    return [Sample(id_, None, path) for id_, path in zip(ids, paths, strict=True)]


def _id(path: Path, folder: Path) -> str:
    """The same on every machine for images below ``folder``."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.as_posix()


def _common_folder(paths: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError:  # on several drives
        return Path()
