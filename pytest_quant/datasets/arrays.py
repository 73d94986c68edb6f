"""The inputs of nets themselves, without labels: a file of arrays for each sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.files import where
from pytest_quant.datasets.stored_arrays import StoredArrays
from pytest_quant.datasets.unlabelled import ARRAY_FILES, FileKind, UnlabelledOptions, find_files
from pytest_quant.spec.dataset import DatasetSpec


class ArraysOptions(UnlabelledOptions):
    """Keys of a dataset of ``type: arrays``."""

    kind: ClassVar[FileKind] = ARRAY_FILES


@dataclass(frozen=True)
class ArrayFiles:
    """`.npy` or `.npz` files; each sample's ``source`` is the file.

    A dataset type of one's own takes this class too, with samples that have a truth.
    """

    name: str
    samples: Sequence[Sample]

    def read(self, sample: Sample, *, orient: bool = True) -> StoredArrays:
        """The arrays of one sample by key; what is wrong with one is raised when it is asked for."""
        return StoredArrays(self.content(sample), f"dataset {self.name!r}: sample {sample.id!r}")

    def content(self, sample: Sample) -> Path:
        """The file of one sample."""
        if not isinstance(sample.source, Path):
            raise TypeError(f"sample {sample.id!r} has source {sample.source!r}; expected a file")
        return sample.source


def open_arrays(source: Path | Sequence[Path], *, what: str = "arrays", is_dataset: bool = False) -> ArrayFiles:
    """Find the `.npy` and `.npz` files of a folder, of a list or one by one, without reading them; the truth is None.

    ``what``: how messages name the source: a key or an option; ``is_dataset``: a list names files below its folder
    only.

    Raises:
        DatasetMissingError: the folder or the list does not exist.
        DatasetError: there are no such files, one is named twice, or a named one does not exist.

    """
    return ArrayFiles(what, find_files(source, ARRAY_FILES, what=what, is_dataset=is_dataset))


def open_dataset(spec: DatasetSpec) -> ArrayFiles:
    """The files in the order of their paths, or of the list; see `open_arrays`."""
    options: ArraysOptions = spec.options
    return ArrayFiles(spec.name, open_arrays(options.source, what=where(spec), is_dataset=True).samples)
