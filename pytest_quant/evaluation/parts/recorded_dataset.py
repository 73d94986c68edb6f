"""A dataset as the parts of an evaluation carry it: samples and ground truth, without pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pytest_quant.datasets.base import Dataset, Image, Sample
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.evaluation.parts.plain import Carried
from pytest_quant.extending.known import open_dataset
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError


@dataclass(frozen=True)
class RecordedDataset(ImageFiles):
    """Pixels come from the dataset itself, where it is on this machine."""

    spec: DatasetSpec | None = None

    @classmethod
    def of(cls, spec: DatasetSpec, parts: Sequence[Mapping[str, Carried]]) -> RecordedDataset:
        """From what each part carries."""
        samples: dict[int, Sample] = {}
        for part in parts:
            extras = part["extras"] or [""] * len(part["ids"])
            rows = part["rows"] or [None] * len(part["ids"])
            for place, *own in zip(part["places"], part["ids"], part["truths"], extras, rows, strict=True):
                samples[place] = _sample(*own)
        if sorted(samples) != list(range(parts[0]["total"])):
            raise DatasetError(f"dataset {spec.name!r}: the parts together lack samples of the dataset")
        ordered = [samples[place] for place in range(len(samples))]
        return cls(spec.name, ordered, parts[0]["class_names"], parts[0]["ranks_folders"], spec)

    @cached_property
    def _real(self) -> tuple[Dataset, Mapping[str, Sample]]:
        if self.spec is None:
            raise TypeError("a recorded dataset has the description of the real one")
        found = open_dataset(self.spec)
        return found, {sample.id: sample for sample in found.samples}

    def read(self, sample: Sample, *, orient: bool = True) -> Image:
        """The pixels of one sample; raises `DatasetMissingError` where the dataset is not here."""
        dataset, known = self._real
        pixels: Image = dataset.read(known[sample.id], orient=orient)
        return pixels


def _sample(id_: str, truth: object, extra: str, row: int | None) -> Sample:
    return Sample(id_, truth, Path(id_) if row is None else row, extra)
