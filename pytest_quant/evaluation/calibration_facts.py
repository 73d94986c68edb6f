"""What an int8 net was calibrated with, and which of those images it is evaluated on as well."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.datasets.base import Dataset, Image, Sample
from pytest_quant.evaluation.digests import DigestMemo, sha256_json
from pytest_quant.spec.calibration import CalibrationMethod, CalibrationSpec


@dataclass(frozen=True)
class CalibrationFacts:
    """How an int8 net was made, for the report."""

    method: CalibrationMethod
    images: int
    sha256: str
    """Over the contents of the images, in their order."""
    eight_bit: bool
    keep_float: tuple[str, ...]
    also_evaluated: tuple[str, ...]
    """Ids of the dataset's samples that are calibration images too: there int8 is measured on what it was tuned to."""


def calibration_facts(
    calibration: CalibrationSpec,
    images: Dataset,
    chosen: Sequence[Sample],
    image_digests: Sequence[str],
    dataset: Dataset,
    digests: DigestMemo,
) -> CalibrationFacts:
    """What is known of a calibration, held against the dataset that the model is evaluated on."""
    return CalibrationFacts(
        method=calibration.method,
        images=len(chosen),
        sha256=sha256_json(list(image_digests)),
        eight_bit=calibration.eight_bit,
        keep_float=calibration.keep_float,
        also_evaluated=tuple(also_in(dataset, images, chosen, image_digests, digests)),
    )


def also_in(
    dataset: Dataset, images: Dataset, chosen: Sequence[Sample], image_digests: Sequence[str], digests: DigestMemo
) -> list[str]:
    """Ids of all samples of a dataset that are among some images, by content.

    The files' bytes are compared, of those files alone that are as long as one of the images; or the pixels, where a
    dataset keeps no files of its own (CIFAR-10's batches). A verdict on a subset is about the whole dataset, so the
    samples that were not drawn count, too.
    """
    if dataset.samples and isinstance(dataset.content(dataset.samples[0]), Path):
        return _same_files(dataset, images, chosen, image_digests, digests)
    pixels = {_pixel_digest(images.read(image, orient=False)) for image in chosen}
    return [sample.id for sample in dataset.samples if _pixel_digest(dataset.read(sample, orient=False)) in pixels]


def _same_files(
    dataset: Dataset, images: Dataset, chosen: Sequence[Sample], image_digests: Sequence[str], digests: DigestMemo
) -> list[str]:
    lengths = {content.stat().st_size for image in chosen if isinstance(content := images.content(image), Path)}
    alike = [
        (sample.id, content)
        for sample in dataset.samples
        if isinstance(content := dataset.content(sample), Path) and content.stat().st_size in lengths
    ]
    known = set(image_digests)
    found = digests.of_files([content for _, content in alike])
    return [id_ for (id_, _), digest in zip(alike, found, strict=True) if digest in known]


def _pixel_digest(image: Image) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
