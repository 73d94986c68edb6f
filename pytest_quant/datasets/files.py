"""Datasets whose samples are image files."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.datasets.class_names import class_names
from pytest_quant.datasets.decode import decode_image
from pytest_quant.datasets.folders import entries
from pytest_quant.datasets.image_bytes import image_bytes
from pytest_quant.datasets.label_list import LabelledPath
from pytest_quant.datasets.remote import UrlPath
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError, DatasetMissingError
from pytest_quant.spec.paths import exists, is_file, is_folder
from pytest_quant.spec.text import shown


@dataclass(frozen=True)
class _Named:
    """How messages name a sample; put into words by those that are printed."""

    dataset: str
    sample: str
    path: Path

    def __str__(self) -> str:
        return f"dataset {self.dataset!r}: sample {self.sample!r} ({shown(self.path)})"


@dataclass(frozen=True)
class ImageFiles:
    """Image files with ground truth; each sample's ``source`` is the file."""

    name: str
    samples: Sequence[Sample]
    class_names: Sequence[str] | None = None
    """In the order of the class indexes, where files or folders name them."""
    ranks_folders: bool = False
    """Whether labels are the ranks of class folders, as nothing else tells them."""

    def read(self, sample: Sample, *, orient: bool = True) -> Image:
        """The pixels of one sample; see `decode_image`. Raises `DatasetError` when the file is gone or damaged."""
        path = self.content(sample)
        name = _Named(self.name, sample.id, path)
        try:
            data = image_bytes(path, name)
        except OSError as error:
            raise DatasetError(f"{name} cannot be read: {error.strerror}") from error
        return decode_image(data, orient=orient, name=name)

    def content(self, sample: Sample) -> Path:
        """The file of one sample."""
        if not isinstance(sample.source, Path):
            raise TypeError(f"sample {sample.id!r} has source {sample.source!r}; expected a file")
        return sample.source.local() if isinstance(sample.source, UrlPath) else sample.source


def where(spec: DatasetSpec) -> str:
    """How messages about a dataset begin."""
    return f"{shown(spec.zoo)}: dataset {spec.name!r}"


def require_folder(path: Path, spec: DatasetSpec, key: str) -> None:
    """Raise `DatasetMissingError` when a dataset's folder is absent, `DatasetError` when it is something else."""
    if not is_folder(path):
        raise _absent(path, spec, key, "folder")


def require_file(path: Path, spec: DatasetSpec, key: str) -> None:
    """Raise `DatasetMissingError` when a dataset's file is absent, `DatasetError` when it is something else."""
    if not is_file(path):
        raise _absent(path, spec, key, "file")


def _absent(path: Path, spec: DatasetSpec, key: str, kind: str) -> DatasetError | DatasetMissingError:
    if exists(path):
        return DatasetError(f"{where(spec)}: {shown(path)} (`{key}`) is not a {kind}")
    return DatasetMissingError(
        f"{where(spec)}: the {kind} {shown(path)} (`{key}`) does not exist; fetch the dataset, or correct the path in "
        "the zoo file"
    )


def open_listed(spec: DatasetSpec, folder: Path, lines: Sequence[LabelledPath], listed_in: Path) -> ImageFiles:
    """The dataset of a label list, whose paths are relative to ``folder``.

    Raises `DatasetError` when files are missing, naming the first and how many.
    """
    missing = missing_files(folder, [line.path for line in lines])
    if missing:
        first = lines[missing[0]]
        raise DatasetError(
            f"{where(spec)}: {len(missing)} of {len(lines)} files named in {shown(listed_in)} do not exist; "
            f"the first stands in line {first.line}: {first.path!r}, expected at {shown(folder / first.path)}"
        )
    samples = [Sample(line.path, line.label, folder / line.path) for line in lines]
    named = [listed_in.parent, folder.parent, folder]
    if isinstance(folder, UrlPath):  # a server is asked about nothing beside the dataset
        named = [place for place in named if place.is_relative_to(spec.options.root)]
    return ImageFiles(spec.name, samples, class_names(named, samples))


def missing_files(folder: Path, paths: Sequence[str]) -> list[int]:
    """Indices of the relative POSIX paths that are not files below ``folder``.

    Each folder is listed once, which is much faster than asking for 50000 files one by one on a network drive.
    """
    indices: dict[str, list[int]] = defaultdict(list)
    for index, path in enumerate(paths):
        indices[posixpath.dirname(path)].append(index)
    missing: list[int] = []
    for parent, members in indices.items():
        there = _file_names(folder / parent)
        absent = [index for index in members if posixpath.basename(paths[index]) not in there]
        if isinstance(folder, UrlPath):  # some servers list no folders
            absent = [index for index in absent if not (folder / paths[index]).is_file()]
        missing += absent
    return sorted(missing)


def _file_names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in entries(folder) if entry.is_file)
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as error:
        raise DatasetError(f"folder {shown(folder)} cannot be listed: {error.strerror}") from error
