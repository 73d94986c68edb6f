"""The three cases of mmpose's own test of its CocoMetric, on the persons of four images of COCO val2017."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.datasets.coco_persons import Person
from pytest_quant.tasks.keypoints.matching import flat_persons, match
from pytest_quant.tasks.keypoints.metric import DEFINITIONS
from pytest_quant.tasks.keypoints.nms import suppression
from pytest_quant.tasks.keypoints.rescoring import ScoreMode, pose_scores

from .scenes import GOLDEN, NAMES, flat_poses, result_row

ANNOTATIONS: list[dict[str, Any]] = json.loads((GOLDEN / "coco_metric_persons.json").read_text())["annotations"]
IMAGES = sorted({row["image_id"] for row in ANNOTATIONS})

OKS_BOX_KEYPOINT = (
    0.5287458745874587, 0.9042904290429042, 0.5009900990099009, 0.42475247524752474, 0.6219554455445544,
    0.5833333333333333, 0.9166666666666666, 0.5833333333333334, 0.44000000000000006, 0.6857142857142857,
)  # fmt: skip
OKS_BOX_RLE = (
    0.5004950495049505, 0.8836633663366337, 0.4679867986798679, 0.42475247524752474, 0.5814108910891089,
    0.5833333333333333, 0.9166666666666666, 0.5833333333333334, 0.44000000000000006, 0.6857142857142857,
)  # fmt: skip
SOFT_BOX_KEYPOINT = (
    0.17073707370737073, 0.25055005500550054, 0.10671067106710669, 0.0, 0.29315181518151806,
    0.2416666666666666, 0.3333333333333333, 0.16666666666666666, 0.0, 0.41428571428571426,
)  # fmt: skip


@dataclass(frozen=True)
class Instance:
    """A predicted pose."""

    id: int
    image_id: int
    keypoints: NDArray[np.float32]
    """Shape (17, 3): x, y and score."""
    box_score: np.float32
    area: float


def instance(row: dict[str, Any], factors: tuple[float, float, float], box_score: float, id_: int) -> Instance:
    keypoints = np.array(row["keypoints"], np.float32).reshape(17, 3) * np.array(factors, np.float32)
    width, height = row["bbox"][2:]
    return Instance(id_, row["image_id"], keypoints, np.float32(box_score), (width * 1.25) * (height * 1.25))


def shifted_once() -> Iterator[Instance]:
    for row in ANNOTATIONS:
        yield instance(row, (0.98, 1.02, 0.8), 0.98, row["id"])


def shifted_twice() -> Iterator[Instance]:
    for i, row in enumerate(ANNOTATIONS):
        yield instance(row, (1 - i / 100, 1 + i / 100, 1 - i / 100), 1, row["id"])
        yield instance(row, (1 + i / 100, 1 - i / 100, 1 - 2 * i / 100), 1 - 2 * i / 100, row["id"] + 1)


def evaluate(instances: Iterator[Instance], score: ScoreMode, nms: str) -> tuple[float, ...]:
    rows = []
    for image_id, group in by_image(instances).items():
        keypoints = np.stack([one.keypoints for one in group])
        boxes = np.array([one.box_score for one in group])
        scores = pose_scores(boxes, keypoints[:, :, 2], score)
        areas = np.array([one.area for one in group])
        kept = suppression(nms, 0.9)(keypoints[:, :, :2], scores, areas)
        rows += [result_row(image_id, keypoints[index, :, :2], scores[index]) for index in kept]
    found = match(flat_poses(IMAGES, rows), flat_persons([persons(image_id) for image_id in IMAGES]))
    matches = {area: [one] for area, one in found.items()}
    ones = np.ones((1, len(IMAGES)), np.int64)
    return tuple(float(DEFINITIONS[name].of(matches, len(IMAGES))(ones)[0]) for name in NAMES)


def by_image(instances: Iterator[Instance]) -> dict[int, list[Instance]]:
    groups: dict[int, list[Instance]] = {}
    for one in sorted(instances, key=lambda one: one.id):
        groups.setdefault(one.image_id, []).append(one)
    return groups


def persons(image_id: int) -> list[Person]:
    return [
        Person(
            row["id"],
            tuple(row["bbox"]),
            row["area"],
            tuple(row["keypoints"]),
            row["num_keypoints"],
            bool(row["iscrowd"]),
        )
        for row in ANNOTATIONS
        if row["image_id"] == image_id
    ]


@pytest.mark.parametrize(
    ("instances", "score", "nms", "expected"),
    [
        (shifted_once, "bbox_keypoint", "oks", OKS_BOX_KEYPOINT),
        (shifted_once, "bbox_rle", "oks", OKS_BOX_RLE),
        (shifted_twice, "bbox_keypoint", "soft", SOFT_BOX_KEYPOINT),
    ],
)
def test_the_ten_numbers_of_mmpose(instances: Any, score: ScoreMode, nms: str, expected: tuple[float, ...]) -> None:
    assert evaluate(instances(), score, nms) == pytest.approx(expected, abs=1e-10)


def test_ground_truth_as_prediction_is_perfect() -> None:
    exact = (instance(row, (1, 1, 1), 1, row["id"]) for row in ANNOTATIONS)
    assert evaluate(exact, "bbox_keypoint", "oks") == (1.0,) * 10
