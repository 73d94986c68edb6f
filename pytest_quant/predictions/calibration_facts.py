"""What an int8 net was calibrated with, and which of those images it is evaluated on as well."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.datasets.base import Dataset, Image, Sample
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.predictions.digests import sha256_json
from pytest_quant.spec import CalibrationMethod, CalibrationSpec


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
    """Ids of evaluated samples that are calibration images too: there int8 is measured on what it was tuned to."""


def calibration_facts(
    calibration: CalibrationSpec,
    images: ImageFiles,
    chosen: Sequence[Sample],
    image_digests: Sequence[str],
    dataset: Dataset,
    samples: Sequence[Sample],
    sample_digests: Sequence[str],
) -> CalibrationFacts:
    """Hold calibration images against evaluated samples, by content.

    The files' bytes are compared, or the pixels where a dataset keeps no files of its own (CIFAR-10's batches).
    """
    known = set(image_digests)
    also = [sample.id for sample, digest in zip(samples, sample_digests, strict=True) if digest in known]
    if any(not isinstance(dataset.content(sample), Path) for sample in samples[:1]):
        pixels = {_pixel_digest(images.read(image, orient=False)) for image in chosen}
        also = [sample.id for sample in samples if _pixel_digest(dataset.read(sample, orient=False)) in pixels]
    return CalibrationFacts(
        method=calibration.method,
        images=len(chosen),
        sha256=sha256_json(list(image_digests)),
        eight_bit=calibration.eight_bit,
        keep_float=calibration.keep_float,
        also_evaluated=tuple(also),
    )


def _pixel_digest(image: Image) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
