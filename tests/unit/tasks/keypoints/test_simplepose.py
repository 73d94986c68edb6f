"""A real net on real images: COCO val2017 with ground-truth boxes, evaluated here and by pycocotools."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pytest_quant.datasets.coco_keypoints import Box, CocoKeypointsOptions, open_dataset, truth_of
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.base import Comparison
from pytest_quant.tasks.keypoints.pipeline import KeypointsPipeline
from pytest_quant.tasks.keypoints.prediction import PosePrediction

from .scenes import SHARED, pose_net, pycocotools_values, result_row

NETS, DATA = SHARED / "models" / "simplepose-coco", SHARED / "data" / "coco-pose"
ANNOTATIONS = DATA / "person_keypoints_subset.json"
RGB_MEAN, RGB_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def simplepose(**postprocess: Any) -> ModelSpec:
    if not NETS.is_dir() or not DATA.is_dir():
        pytest.skip(f"the shared real model or data is not on this machine: {NETS}, {DATA}")
    options = CocoKeypointsOptions(images=DATA / "images", annotations=ANNOTATIONS, boxes="ground-truth")
    model = pose_net((192, 256), postprocess=postprocess, outputs=("hybridsequential0_conv7_fwd",), dataset=options)
    return replace(
        model,
        nets={
            "fp32": NcnnFiles(param=NETS / "simplepose.param", bin=NETS / "simplepose.bin").net(),
            "int8": NcnnFiles(param=NETS / "simplepose-int8.param", bin=NETS / "simplepose-int8.bin").net(),
        },
        input=InputSpec("data", (192, 256), "rgb", RGB_MEAN, RGB_STD),
    )


def evaluate(model: ModelSpec, images: int | None = None) -> tuple[Comparison, list[PosePrediction]]:
    pipeline = KeypointsPipeline(model)
    dataset = open_dataset(model.dataset)
    samples = dataset.samples[:images]
    prepared = [pipeline.prepare(dataset.read(sample), sample) for sample in samples]
    sides: list[list[PosePrediction]] = []
    for side in ("fp32", "int8"):
        runner = open_runner(model, side)
        sides.append([pipeline.predict(runner.run, one) for one in prepared])
        runner.close()
    return pipeline.compare(samples, *sides), sides[0]


def test_211_persons_with_pycocotools_as_witness() -> None:
    model = simplepose()
    comparison, fp32 = evaluate(model)
    samples = open_dataset(model.dataset).samples
    assert sum(len(truth_of(sample).boxes) for sample in samples) == 211
    rows = [
        result_row(truth_of(sample).image.id, pose.astype(float), mean_above(scores), left_top_width_height(box))
        for sample, found in zip(samples, fp32, strict=True)
        for box, pose, scores in zip(truth_of(sample).boxes, found.keypoints, found.scores, strict=True)
    ]
    expected = pycocotools_values(json.loads(ANNOTATIONS.read_text()), rows)
    assert {name: pair.fp32 for name, pair in comparison.metrics.items()} == pytest.approx(expected, abs=1e-12)
    assert comparison.metrics["AP"].fp32 == pytest.approx(0.5056, abs=0.003)  # other CPUs round otherwise
    as_aarch64 = (
        0.4880 if int(cv2.__version__.partition(".")[0]) >= 5 else 0.4898
    )  # warps differ in the last grey level
    assert comparison.metrics["AP"].int8 == pytest.approx(as_aarch64, abs=0.0005)


def left_top_width_height(box: Box) -> list[float]:
    left, top, right, bottom = map(np.float32, box.corners)
    return [float(left), float(top), float(right - left), float(bottom - top)]


def mean_above(scores: Any) -> float:
    total, count = np.float32(0), 0
    for score in scores:
        if score > np.float32(0.2):
            total, count = np.float32(total + score), count + 1
    return float(total / np.float32(max(count, 1)))


def test_flip_test_is_worth_something() -> None:
    plain, _ = evaluate(simplepose(), images=8)
    flipped, _ = evaluate(simplepose(flip_test=True), images=8)
    assert plain.metrics["AP"].fp32 != flipped.metrics["AP"].fp32


def test_annotations_are_not_changed_by_reading_them() -> None:
    model = simplepose()
    first, second = (open_dataset(model.dataset) for _ in range(2))
    assert list(first.samples) == list(second.samples)
    assert isinstance(first.content(first.samples[0]), Path)
