"""``unlabelled``: most images have nothing to be found, so most labels may be missing."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.datasets.coco_detection import DetectionTruth
from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.judging.sanity.annotated import regions_of
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.spec.text import first_few

_SHARE = 0.6
_LEAST = 10
"""Images with labels or without."""


def find_unlabelled(look: Look) -> Iterator[Finding]:
    """A warning about datasets whose ground truth are regions."""
    if look.model.dataset.is_unlabelled:
        return
    known = [sample for sample in look.samples if isinstance(sample.truth, (PoseTruth, DetectionTruth, tuple))]
    bare = [sample.id for sample in known if not regions_of(sample.truth)]
    if len(known) >= _LEAST and len(bare) > _SHARE * len(known):
        yield Finding(
            "unlabelled",
            "warning",
            f"{len(bare)} of {len(known)} images have no annotation ({first_few(bare)})",
            "what is found in them counts as wrong: are all annotation files there, and the class names right?",
        )
