"""What a dataset is to the rest of the project: samples with an id and a ground truth, and the pixels of one sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.text import encodable, visible

Image = NDArray[np.uint8]
"""Pixels of shape (height, width, 3), red first, values 0 to 255, C-contiguous."""


Content = Any
"""What a sample holds: an `Image`; or arrays by key, a mapping, where models take them by ``inputs``. A model's entry
says which of the two its dataset gives."""


@dataclass(frozen=True)
class Sample:
    """One sample of a dataset."""

    id: str
    """Unique in the dataset and the same on every machine: a relative POSIX path, or a place in a file."""
    truth: Any
    """The ground truth in the form that the dataset's task defines; for classification the class as an int."""
    source: Path | int
    """Where the pixels lie: a file, or the row in the dataset's own storage."""
    extra: str = ""
    """Digest of what a prediction depends on besides the pixels, such as the boxes in which persons are looked for."""

    def __post_init__(self) -> None:
        if encodable(self.id) != self.id:
            raise DatasetError(f"the name of sample '{visible(self.id)}' is not UTF-8; rename it, in lists, too")


class Dataset(Protocol):
    """Samples and ground truth; knows no models."""

    @property
    def samples(self) -> Sequence[Sample]:
        """All samples, in the dataset's own order."""
        ...

    def read(self, sample: Sample, *, orient: bool = True) -> Content:
        """The pixels of one sample; ``orient``: whether an EXIF orientation is applied. Or its arrays by key.

        Raises `DatasetError` naming the sample when it does not decode.
        """
        ...

    def content(self, sample: Sample) -> Path | bytes:
        """What identifies the sample's stored content: the file, or the bytes themselves."""
        ...


def names_of(dataset: Dataset) -> Sequence[str] | None:
    """What the dataset calls its classes, each by a name of its own; None where it does not know.

    Of two with the same name each has its index behind it.
    """
    names = dataset.class_names if isinstance(dataset, NamesClasses) else None
    if names is None:
        return None
    times = Counter(names)
    return [name if times[name] == 1 else f"{name} ({index})" for index, name in enumerate(names)]


@runtime_checkable
class NamesClasses(Protocol):
    """A dataset that knows what its classes are called."""

    @property
    def class_names(self) -> Sequence[str] | None:
        """In the order of the class indexes; None where it does not know after all."""
        ...
