"""CIFAR-10 in its two original forms: binary records, and pickled batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.datasets.files import require_folder, where
from pytest_quant.datasets.plain_pickle import ArrayRecord, PickleRefusedError, brief, read_plain_pickle
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError, DatasetMissingError
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import whole_file

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""As ``batches.meta`` has them."""
CLASSES = len(NAMES)
SIDE_PX = 32
PIXEL_BYTES = 3 * SIDE_PX * SIDE_PX
RECORD_BYTES = 1 + PIXEL_BYTES
"""The label, then 1024 red, 1024 green and 1024 blue values, row by row."""

_MAX_FILE_BYTES = 1 << 30
"""The original batches have 31 MB."""
_MAX_META_BYTES = 1 << 16
_MAX_INSTRUCTIONS = 1000
_MAX_INSTRUCTIONS_PER_RECORD = 16
"""A pickled batch takes about six instructions per record: its label and its file name."""

_BATCHES = {"test": ("test_batch",), "train": tuple(f"data_batch_{number}" for number in range(1, 6))}

Split = Literal["test", "train"]


class Cifar10Options(BaseModel):
    """Keys of a dataset of ``type: cifar10``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Path
    """Holds ``cifar-10-batches-bin`` or ``cifar-10-batches-py``, or is one of these folders."""
    split: Split = "test"


@dataclass(frozen=True)
class Cifar10:
    """The records of one split; a sample's ``source`` is the record's number."""

    name: str
    samples: Sequence[Sample]
    records: NDArray[np.uint8] = field(repr=False)
    """Shape (n, 3073): see `RECORD_BYTES`."""
    class_names: Sequence[str] = NAMES
    """The ten names."""

    def read(self, sample: Sample, *, orient: bool = True) -> Image:
        """The pixels of one sample, 32 by 32; records have no orientation to apply."""
        planes = self.records[self._row(sample), 1:].reshape(3, SIDE_PX, SIDE_PX)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))

    def content(self, sample: Sample) -> bytes:
        """The record of one sample: label and pixels, as in the binary version."""
        return bytes(self.records[self._row(sample)])

    @staticmethod
    def _row(sample: Sample) -> int:
        if not isinstance(sample.source, int):
            raise TypeError(f"sample {sample.id!r} has source {sample.source!r}; expected a record's number")
        return sample.source


@dataclass(frozen=True)
class _Form:
    """One of the two forms: where its files lie and how one is read to records of shape (n, 3073)."""

    folder: str
    suffix: str
    read: Callable[[Path], NDArray[np.uint8]]


def open_dataset(spec: DatasetSpec) -> Cifar10:
    """The records of a split in file order; ids are ``test/00000``, ``train/00000`` and so on in both forms.

    The binary form is taken where both are there. Batches may hold fewer records than the original ones.

    Raises:
        DatasetMissingError: ``root`` or the split's files do not exist.
        DatasetError: A file is missing, truncated or damaged, holds a label outside 0 to 9, or is a pickle that asks
            for more than plain data (which is never executed).

    """
    options: Cifar10Options = spec.options
    files, form = _find_files(spec, options)
    parts = [form.read(file) for file in files]
    for file, part in zip(files, parts, strict=True):
        _check_labels(part, file)
    records = parts[0] if len(parts) == 1 else np.concatenate(parts)
    samples = [
        Sample(f"{options.split}/{index:05d}", label, index) for index, label in enumerate(records[:, 0].tolist())
    ]
    return Cifar10(spec.name, samples, records, _names_in(files[0].parent) or NAMES)


def _names_in(folder: Path) -> tuple[str, ...] | None:
    """The names of the classes as the files beside the batches have them; they are for the eye, so none is needed."""
    try:
        found: object = whole_file(folder / "batches.meta.txt", _MAX_META_BYTES).decode().split()
    except (OSError, UnicodeDecodeError):
        found = _names_pickled(folder / "batches.meta")
    if not isinstance(found, list):
        return None
    names = tuple(one.decode("latin-1") if isinstance(one, bytes) else str(one) for one in found)
    return names if len(names) == CLASSES else None


def _names_pickled(path: Path) -> object:
    try:
        meta = read_plain_pickle(whole_file(path, _MAX_META_BYTES), max_instructions=_MAX_INSTRUCTIONS)
    except (OSError, PickleRefusedError):
        return None
    return meta.get("label_names", meta.get(b"label_names")) if isinstance(meta, dict) else None


def _find_files(spec: DatasetSpec, options: Cifar10Options) -> tuple[list[Path], _Form]:
    require_folder(options.root, spec, "root")
    incomplete: list[str] = []
    for form in _FORMS:
        for folder in (options.root / form.folder, options.root):
            files = [folder / f"{name}{form.suffix}" for name in _BATCHES[options.split]]
            missing = [shown(file) for file in files if not file.is_file()]
            if not missing:
                return files, form
            if len(missing) < len(files):
                incomplete += missing
    if incomplete:
        raise DatasetError(f"{where(spec)}: part of the {options.split} split is missing: {', '.join(incomplete)}")
    names = " or ".join(f"{form.folder}/{_BATCHES[options.split][0]}{form.suffix}" for form in _FORMS)
    raise DatasetMissingError(
        f"{where(spec)}: {shown(options.root)} holds no {names}; unpack the binary or the Python version of CIFAR-10 "
        "there, or correct 'root' in the zoo file"
    )


def _read_bytes(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > _MAX_FILE_BYTES:
            raise DatasetError(f"{shown(file)} has {size} bytes; no batch of CIFAR-10 has more than {_MAX_FILE_BYTES}")
        data = file.read_bytes()
    except OSError as error:
        raise DatasetError(f"{shown(file)} cannot be read: {error.strerror}") from error
    if not data:
        raise DatasetError(f"{shown(file)} is empty (0 bytes); expected a batch of CIFAR-10")
    return data


def _read_binary(file: Path) -> NDArray[np.uint8]:
    data = _read_bytes(file)
    if len(data) % RECORD_BYTES:
        raise DatasetError(
            f"{shown(file)} has {len(data)} bytes, that is {len(data) // RECORD_BYTES} records of {RECORD_BYTES} bytes "
            f"and {len(data) % RECORD_BYTES} bytes more; the file is truncated or no binary batch of CIFAR-10"
        )
    return np.frombuffer(data, np.uint8).reshape(-1, RECORD_BYTES)


def _read_pickled(file: Path) -> NDArray[np.uint8]:
    data = _read_bytes(file)
    limit = _MAX_INSTRUCTIONS + _MAX_INSTRUCTIONS_PER_RECORD * (len(data) // RECORD_BYTES)
    try:
        batch = read_plain_pickle(data, max_instructions=limit)
        pixels, labels = _batch_arrays(batch)
    except PickleRefusedError as error:
        raise DatasetError(
            f"{shown(file)} {error}; it was not executed. Expected a Python batch of CIFAR-10: a dict with 'data', "
            f"uint8 of shape (n, {PIXEL_BYTES}), and 'labels', n integers. Fetch the dataset again from its source"
        ) from error
    return np.concatenate((labels[:, np.newaxis], pixels), axis=1)


def _batch_arrays(batch: object) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels of shape (n, 3072) and labels of shape (n,) of a batch's dict."""
    if not isinstance(batch, dict):
        raise PickleRefusedError(f"holds {brief(batch)}")
    named = {key.decode("latin-1") if isinstance(key, bytes) else key: value for key, value in batch.items()}
    data, labels = named.get("data"), named.get("labels")
    if not isinstance(data, ArrayRecord) or not isinstance(labels, list):
        raise PickleRefusedError(f"holds a dict of {len(named)} items without the right 'data' and 'labels'")
    pixels = data.as_uint8()
    if pixels.ndim != 2 or pixels.shape[1] != PIXEL_BYTES or len(pixels) != len(labels) or not labels:
        raise PickleRefusedError(f"holds 'data' of shape {pixels.shape} and {len(labels)} labels")
    return pixels, np.array([_byte(label) for label in labels], np.uint8)


def _byte(label: object) -> int:
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label <= 255:
        raise PickleRefusedError(f"holds {brief(label)} as a label")
    return label


def _check_labels(records: NDArray[np.uint8], file: Path) -> None:
    wrong = np.flatnonzero(records[:, 0] >= CLASSES)
    if wrong.size:
        index = int(wrong[0])
        raise DatasetError(
            f"{shown(file)}: record {index} (counted from 0) has label {records[index, 0]}, expected 0 to "
            f"{CLASSES - 1}; {wrong.size} of {len(records)} records are like this: the file is damaged or no CIFAR-10"
        )


_FORMS = (
    _Form("cifar-10-batches-bin", ".bin", _read_binary),
    _Form("cifar-10-batches-py", "", _read_pickled),
)
