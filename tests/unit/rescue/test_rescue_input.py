"""The input on which a rescue counts multiply-accumulates and takes the time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.datasets.coco_persons import Person
from pytest_quant.rescue.rescue import input_of
from pytest_quant.rescue.search_set import SearchSet
from pytest_quant.spec.errors import DatasetError
from tests.unit.tasks.keypoints.scenes import as_box, pose_net, sample_of

SOMEONE = Person(7, (100, 80, 30, 40), 700, (110.0, 90.0, 2.0) * 17, 17, False)
TRUTH = PoseTruth(CocoImage(9, "9.jpg", 640, 480), (SOMEONE,), (as_box(9, SOMEONE),))


@dataclass
class Grey:
    samples: list[Sample]

    def read(self, sample: Sample, *, orient: bool = True) -> Image:
        return np.full((480, 640, 3), 128, np.uint8)

    def content(self, sample: Sample) -> Path | bytes:
        return b""


def search_set(*truths: PoseTruth) -> SearchSet:
    dataset = Grey([replace(sample_of(truth), id=str(index)) for index, truth in enumerate(truths)])
    return SearchSet(dataset, dataset, labelled=True, also_evaluated=())


def test_an_image_without_a_person_is_passed_over() -> None:
    found = input_of(pose_net(), search_set(replace(TRUTH, boxes=()), TRUTH))
    assert found.shape == (3, 64, 48)


def test_no_input_at_all_is_told() -> None:
    with pytest.raises(DatasetError, match="none of the 1 samples to search on makes an input"):
        input_of(pose_net(), search_set(replace(TRUTH, boxes=())))
