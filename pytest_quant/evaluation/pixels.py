"""Open datasets of a process, and what a worker in another process reads pixels with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from pytest_quant.datasets.arrays import ArrayFiles
from pytest_quant.datasets.base import Content, Dataset, Sample
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.evaluation.digests import DigestMemo
from pytest_quant.extending.known import open_dataset
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.internal import told_as_internal
from pytest_quant.spec.text import shown


class ReadsPixels(Protocol):
    """The part of a dataset that computing takes: a shard has its samples with it."""

    def read(self, sample: Sample, *, orient: bool = True) -> Content:
        """The pixels of one sample, or its arrays; see `Dataset`."""
        ...


@runtime_checkable
class KnowsContent(Protocol):
    """Pixels that can be held against the ones that another process sees."""

    def content(self, sample: Sample) -> Path | bytes:
        """See `Dataset`."""
        ...


@dataclass(frozen=True)
class Pixels:
    """The pixels of a dataset; to another process only its description goes, and it is opened there."""

    spec: DatasetSpec
    dataset: Dataset

    def read(self, sample: Sample, *, orient: bool = True) -> Content:
        """The pixels of one sample, or its arrays; see `Dataset`."""
        return self.dataset.read(sample, orient=orient)

    def content(self, sample: Sample) -> Path | bytes:
        """What identifies the sample's stored content; see `Dataset`."""
        return self.dataset.content(sample)

    def __reduce__(self) -> tuple[object, ...]:
        return _opened, (self.spec,)


def pixels_of(dataset: Dataset) -> ReadsPixels:
    """The pixels of a dataset that was opened by hand; of files only the way to read them travels."""
    return replace(dataset, samples=()) if isinstance(dataset, (ImageFiles, ArrayFiles)) else dataset


@lru_cache(maxsize=8)
def _opened(spec: DatasetSpec) -> Pixels:
    """As another process finds it; opened once there."""
    return Pixels(spec, open_dataset(spec))


class OpenDatasets:
    """Datasets by their description, each opened when first asked for."""

    def __init__(self, memo: DigestMemo, given: Mapping[DatasetSpec, Dataset] | None = None) -> None:
        """``memo`` takes the digests of files.

        ``given``: datasets that are open already, and that nobody else could open by their description.
        """
        self._memo = memo
        self._given = dict(given or {})
        self._opened: dict[DatasetSpec, Dataset] = {}
        self._files: dict[DatasetSpec, dict[str, str]] = {}
        """The digests of the files that their keys name, as these were before anything read them."""

    def __getitem__(self, spec: DatasetSpec) -> Dataset:
        """The opened dataset; raises `DatasetMissingError` or `DatasetError`."""
        if spec in self._given:
            return self._given[spec]
        if spec not in self._opened:
            with told_as_internal(f"dataset {spec.name}"):
                self._files[spec] = self._digests(spec)
                self._opened[spec] = open_dataset(spec)
        return self._opened[spec]

    def files(self, spec: DatasetSpec) -> Mapping[str, str]:
        """The digest of each file that the keys of an open dataset name, such as its annotations, by key.

        Raises `DatasetError` where one is another by now: some are read again, and what was read is kept by these.
        """
        if spec not in self._files:  # somebody else opened it
            return self._digests(spec)
        found, paths = self._files[spec], _named(spec)
        there = {name: path for name, path in paths.items() if name in found}
        try:
            replaced = self._memo.replaced(there.values(), (found[name] for name in there))
        except OSError as error:
            raise DatasetError(f"{shown(Path(error.filename))}: cannot be read: {error.strerror}") from error
        if replaced is not None:
            raise DatasetError(f"{shown(replaced)} was replaced while the run was on; run again")
        return found

    def _digests(self, spec: DatasetSpec) -> dict[str, str]:
        """Of the files that are there; opening tells of the others, and of those that cannot be read."""
        files = {name: path for name, path in _named(spec).items() if path.is_file()}
        try:
            return dict(zip(files, self._memo.of_files(list(files.values())), strict=True))
        except OSError:
            return {}

    def pixels(self, spec: DatasetSpec) -> ReadsPixels:
        """What reads its pixels, here and elsewhere; raises like `__getitem__`."""
        return pixels_of(self._given[spec]) if spec in self._given else Pixels(spec, self[spec])


def _named(spec: DatasetSpec) -> dict[str, Path]:
    """What the keys of a dataset name, files and folders; nothing of one whose variables are not set."""
    values: Mapping[str, object] = getattr(spec.options, "__dict__", {})
    return {name: path for name, path in values.items() if isinstance(path, Path)}
