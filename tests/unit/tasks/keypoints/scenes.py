"""Synthetic images with persons, boxes and poses, and what pycocotools says of them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_keypoints import Box, PoseTruth
from pytest_quant.datasets.coco_persons import Person
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.keypoints.coco import SIGMAS
from pytest_quant.tasks.keypoints.matching import Poses
from pytest_quant.tasks.keypoints.options import APOptions, PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.keypoints.prediction import PosePrediction

SHARED = Path(__file__).parents[5] / "shared"
GOLDEN = Path(__file__).parents[1] / "golden"
ZOO = Path("zoo.quant.yaml")
NAMES = ("AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
"""In the order of COCOeval's stats."""


def pose_net(
    input_size: tuple[int, int] | None = (48, 64),
    preprocess: Mapping[str, Any] | None = None,
    postprocess: Mapping[str, Any] | None = None,
    metric: Mapping[str, Any] | None = None,
    limits: tuple[Limit, ...] = (),
    outputs: tuple[str, ...] = ("heatmaps",),
    dataset: Any = None,
) -> ModelSpec:
    net = NcnnFiles(param=Path("net.param"), bin=Path("net.bin")).net()
    return ModelSpec(
        name="net",
        zoo=ZOO,
        task="keypoints",
        dataset=DatasetSpec("persons", "coco-keypoints", dataset, ZOO),
        nets={"fp32": net, "int8": net},
        input=InputSpec("in0", input_size, "rgb", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        outputs=outputs,
        preprocess=PreprocessOptions.model_validate(preprocess or {}),
        postprocess=PostprocessOptions.model_validate(postprocess or {}),
        metric_options={"AP": APOptions.model_validate(metric or {})},
        limits=limits,
    )


def sample_of(truth: PoseTruth) -> Sample:
    return Sample(str(truth.image.id), truth, Path(truth.image.file_name))


def person(rng: np.random.Generator, person_id: int) -> Person:
    height = float(np.exp(rng.uniform(np.log(20), np.log(300))))
    width = height * float(rng.uniform(0.4, 0.8))
    left, top = float(rng.uniform(0, 640 - width)), float(rng.uniform(0, 480 - height))
    points = rng.uniform([left, top], [left + width, top + height], (17, 2)).round()
    visible = rng.choice([0, 1, 2], 17) * (rng.random() < 0.8)
    keypoints = np.column_stack([points * (visible > 0)[:, np.newaxis], visible])
    return Person(
        id=person_id,
        box=(left, top, width, height),
        area=width * height * 0.6,
        keypoints=tuple(keypoints.ravel().tolist()),
        labelled=int((visible > 0).sum()),
        crowd=bool(rng.random() < 0.05),
    )


def as_box(image_id: int, found: Person, score: float = 1.0) -> Box:
    left, top, width, height = found.box
    corners = np.array([left, top, left + width, top + height], np.float32).tolist()
    return Box(f"{image_id}/{found.id}", (corners[0], corners[1], corners[2], corners[3]), score)


def scene(rng: np.random.Generator, images: int, spare_boxes: int = 1) -> list[PoseTruth]:
    """Images with up to four persons, a box for most of them and some boxes without a person."""
    truths = []
    for index in rng.permutation(images).tolist():
        image_id = 10 + 3 * index
        persons = tuple(person(rng, 100 * image_id + k) for k in range(rng.integers(0, 4)))
        strangers = [person(rng, 100 * image_id + 50 + k) for k in range(rng.integers(0, spare_boxes + 1))]
        boxes = [
            as_box(image_id, found, round(float(rng.random()), 1))
            for found in (*persons, *strangers)
            if rng.random() < 0.9
        ]
        truths.append(PoseTruth(CocoImage(image_id, f"{image_id}.jpg", 640, 480), persons, tuple(boxes)))
    return truths


def predictions(rng: np.random.Generator, truths: Sequence[PoseTruth], error: float = 1.0) -> list[PosePrediction]:
    """For each box the keypoints of the person it belongs to, if any, moved at random; coarse scores make ties."""
    found = []
    for truth in truths:
        known = {f"{truth.image.id}/{p.id}": p for p in truth.persons}
        poses = []
        for box in truth.boxes:
            owner = known.get(box.id)
            spread = np.sqrt((box.corners[2] - box.corners[0]) * (box.corners[3] - box.corners[1]))
            center = rng.uniform(box.corners[:2], box.corners[2:], (17, 2))
            if owner is not None:
                center = np.array(owner.keypoints).reshape(17, 3)[:, :2]
            points = center + rng.normal(0, 1, (17, 2)) * SIGMAS[:, np.newaxis] * spread * error * rng.exponential(1)
            poses.append((points.astype(np.float32), rng.random(17).round(1).astype(np.float32)))
        found.append(PosePrediction.of(poses))
    return found


def ground_truth_json(truths: Sequence[PoseTruth]) -> dict[str, Any]:
    return {
        "images": [vars(truth.image) for truth in truths],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {
                "id": p.id,
                "image_id": truth.image.id,
                "category_id": 1,
                "bbox": list(p.box),
                "area": p.area,
                "keypoints": list(p.keypoints),
                "num_keypoints": p.labelled,
                "iscrowd": int(p.crowd),
            }
            for truth in truths
            for p in truth.persons
        ],
    }


def result_row(
    image_id: int, keypoints: NDArray[Any], score: float, box: Sequence[float] | None = None
) -> dict[str, Any]:
    points = np.column_stack([keypoints, np.ones(len(keypoints))]).ravel().tolist()
    row: dict[str, Any] = {"image_id": image_id, "category_id": 1, "keypoints": points, "score": float(score)}
    return row if box is None else {**row, "bbox": list(box)}


def pycocotools_values(ground_truth: Mapping[str, Any], results: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The ten numbers of COCOeval; -1 stands for one that is not defined."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = dict(ground_truth)
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes([dict(row) for row in results]), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(NAMES, evaluation.stats.tolist(), strict=True))


def flat_poses(image_ids: Sequence[int], results: Sequence[Mapping[str, Any]]) -> Poses:
    """Result rows as `Poses`, images numbered by their place in ``image_ids``."""
    place = {image_id: index for index, image_id in enumerate(image_ids)}
    rows = sorted(results, key=lambda row: place[row["image_id"]])
    keypoints = np.array([row["keypoints"] for row in rows], np.float64).reshape(-1, 17, 3)[:, :, :2]
    extents = np.array([row["bbox"][2:] for row in rows]) if rows and "bbox" in rows[0] else np.ptp(keypoints, axis=1)
    return Poses(
        image=np.array([place[row["image_id"]] for row in rows], np.int64),
        keypoints=keypoints,
        score=np.array([row["score"] for row in rows], np.float64),
        area=extents.reshape(-1, 2).prod(axis=1),
    )
