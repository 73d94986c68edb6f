"""(i) What of a sample's time is decoding its image: what a cache of decoded images could save at most."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import cv2

from benchmarks.speed.models import REAL
from benchmarks.speed.rows import Row
from benchmarks.speed.sample import direct, selected
from pytest_quant.datasets.base import Image, Sample
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.spec.model import ModelSpec

PHOTO = (4000, 3000)
"""Width and height of a photo of 12 megapixels."""
PHOTOS = 20


def rows(models: dict[str, ModelSpec], rounds: int) -> Iterator[Row]:
    """The datasets as they are, and the photos of one enlarged to what cameras give."""
    for name, samples in REAL.items():
        chosen = selected(models[name], min(samples, 1000))
        yield _row(f"{name}, its own images", models[name], chosen, rounds)
    with TemporaryDirectory() as made:
        model = models["squeezenet"]
        photos = [enlarged(sample, Path(made)) for sample in selected(model, PHOTOS)]
        yield _row("squeezenet, photos of 12 megapixels", model, photos, rounds)


def enlarged(sample: Sample, folder: Path) -> Sample:
    """A sample whose image is a JPEG of `PHOTO`'s size in ``folder``."""
    path = folder / f"{len(list(folder.iterdir()))}.jpg"
    image = cast(Image, cv2.imread(str(sample.source)))
    cv2.imwrite(str(path), cv2.resize(image, PHOTO, interpolation=cv2.INTER_CUBIC), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return replace(sample, source=path)


def _row(what: str, model: ModelSpec, samples: list[Sample], rounds: int) -> Row:
    images = [cast(Image, cv2.imread(str(sample.source))) for sample in samples[:PHOTOS]]
    with single_threaded_opencv():
        found = [direct(model, samples) for _ in range(rounds)]
    shares = sorted(one.read_s / one.all_s for one in found)
    seen = {
        "read and decode ms": 1000 * statistics.median(one.read_s for one in found) / len(samples),
        "all ms": 1000 * statistics.median(one.all_s for one in found) / len(samples),
        "kB decoded": statistics.mean(image.nbytes for image in images) / 1000,
        "kB of the file": statistics.mean(Path(str(sample.source)).stat().st_size for sample in samples) / 1000,
    }
    share = statistics.median(shares)
    return Row("i", f"{what}: reading and decoding / all", share, "ratio", "", (shares[0], shares[-1]), seen)
