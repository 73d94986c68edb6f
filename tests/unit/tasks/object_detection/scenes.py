"""Images with objects and detections for the tests of this folder, and pycocotools' numbers for them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import CocoObject, DetectionTruth
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.tasks.object_detection.metric import DEFINITIONS
from pytest_quant.tasks.object_detection.prediction import Detections

CLASSES = ("person", "dog", "kite", "cup")
Rows = list[dict[str, Any]]


def scene(rng: np.random.Generator, images: int, objects: int = 6) -> list[DetectionTruth]:
    """Images, not by rising id, some without an object; the class ``cup`` occurs as a crowd only."""
    ids = rng.permutation(np.arange(1, 3 * images))[:images]
    truths, number = [], 0
    for image_id in ids.tolist():
        found = []
        for _ in range(int(rng.integers(0, objects + 1))):
            category, number = int(rng.integers(0, len(CLASSES))), number + 1
            crowd = category == 3 or bool(rng.random() < 0.1)
            side = rng.choice([20, 32, 60, 150], 2)  # 32 by 32 is small and medium
            box = (*np.round(rng.uniform(0, 300, 2), 2).tolist(), *map(float, side))
            area = box[2] * box[3] * (1 if rng.random() < 0.5 else 0.7)
            found.append(CocoObject(number, category, box, area, crowd))
        truths.append(DetectionTruth(CocoImage(image_id, f"{image_id}.jpg", 500, 400), tuple(found), CLASSES))
    return truths


def detections(rng: np.random.Generator, truths: Sequence[DetectionTruth], error: float = 12) -> list[Detections]:
    """Objects seen once, twice or not at all, and things that are not there; many scores are equal."""
    sides = []
    for truth in truths:
        rows: list[list[float]] = []
        for found in truth.objects:
            for _ in range(int(rng.integers(0, 3))):
                left, top, width, height = found.box + rng.normal(0, error * rng.integers(0, 2), 4)
                label = found.category if rng.random() < 0.9 else int(rng.integers(0, len(CLASSES)))
                rows.append(
                    [left, top, left + abs(width), top + abs(height), float(rng.choice([0.2, 0.5, 0.9])), label]
                )
        for _ in range(int(rng.integers(0, 4))):
            left, top, width, height = rng.uniform(5, 200, 4)
            label = int(rng.integers(0, len(CLASSES)))
            rows.append([left, top, left + width, top + height, float(rng.choice([0.2, 0.5, 0.9])), label])
        sides.append(made(rows))
    return sides


def made(rows: Sequence[Sequence[float]]) -> Detections:
    """Detections from rows of left, top, right, bottom, score, label, sorted by score."""
    array: NDArray[np.float32] = np.array(rows, np.float32).reshape(-1, 6)
    array = array[np.argsort(-array[:, 4], kind="stable")]
    return Detections(array[:, :4], array[:, 4], array[:, 5].astype(np.int32))


def sample_of(truth: DetectionTruth) -> Sample:
    return Sample(str(truth.image.id), truth, 0)


def ground_truth_json(truths: Sequence[DetectionTruth]) -> dict[str, Any]:
    return {
        "images": [{"id": truth.image.id, "width": 500, "height": 400} for truth in truths],
        "categories": [{"id": index + 1, "name": name} for index, name in enumerate(CLASSES)],
        "annotations": [
            {
                "id": found.id,
                "image_id": truth.image.id,
                "category_id": found.category + 1,
                "bbox": list(found.box),
                "area": found.area,
                "iscrowd": int(found.crowd),
            }
            for truth in truths
            for found in truth.objects
        ],
    }


def result_rows(truths: Sequence[DetectionTruth], side: Sequence[Detections]) -> Rows:
    """As they are written to a results file, in double precision."""
    rows = []
    for truth, found in zip(truths, side, strict=True):
        corners = found.boxes.astype(np.float64)
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).tolist()
        for box, score, label in zip(boxes, found.scores.tolist(), found.labels.tolist(), strict=True):
            rows.append({"image_id": truth.image.id, "category_id": label + 1, "bbox": box, "score": score})
    return rows


def pycocotools_values(ground_truth: dict[str, Any], rows: Rows) -> dict[str, float]:
    """COCO's twelve numbers; -1 for one that is not defined."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = ground_truth
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(rows), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(DEFINITIONS, map(float, evaluation.stats), strict=True))
