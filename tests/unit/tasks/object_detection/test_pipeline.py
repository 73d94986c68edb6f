from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import truth_of
from pytest_quant.spec.errors import ConfigError, DatasetError, RunnerError
from pytest_quant.tasks.base import Prepared
from pytest_quant.tasks.object_detection.pipeline import ObjectDetectionPipeline
from pytest_quant.tasks.object_detection.prediction import Detections
from pytest_quant.tasks.object_detection.task import TASK
from pytest_quant.tasks.optional import ActsAsReference

from .models import detector
from .scenes import detections, made, sample_of, scene
from .test_metric import truth_with_one_object

YOLOX = {"decoder": "yolox", "strides": [8, 16]}


def run(tensor: Any) -> dict[str, Any]:
    """A net that sees a dog in the middle of the cell (0, 0), whatever it is shown; classes are those of `scenes`."""
    rows = np.zeros((40, 9), np.float32)
    rows[0] = [0.5, 0.5, 0, 0, 1, 0, 0.8, 0, 0]
    return {"out0": rows}


def picture(width: int = 500, height: int = 400) -> Any:
    return np.zeros((height, width, 3), np.uint8)


def test_prepare_and_predict() -> None:
    pipeline = ObjectDetectionPipeline(detector(YOLOX))
    prepared = pipeline.prepare(picture(), sample_of(truth_with_one_object()))
    assert prepared.tensor.shape == (3, 32, 64)
    found = pipeline.predict(run, prepared)
    np.testing.assert_allclose(found.boxes, [[0, 0, 62.5, 100]], rtol=1e-6)
    assert pipeline.compare([prepared.sample], [found], [found]).metrics["mAP"].fp32 <= 1


def test_an_image_of_another_size_than_annotated() -> None:
    pipeline = ObjectDetectionPipeline(detector(YOLOX))
    pipeline.prepare(picture(400, 500), sample_of(truth_with_one_object()))  # a quarter of a turn by EXIF
    with pytest.raises(DatasetError, match="has 250 by 200 pixels, but its annotations say 500 by 400"):
        pipeline.prepare(picture(250, 200), sample_of(truth_with_one_object()))


def test_classes_of_another_number_than_the_net_has() -> None:
    pipeline = ObjectDetectionPipeline(detector(YOLOX))
    truth = truth_with_one_object()
    sample = sample_of(replace(truth, classes=truth.classes[:3]))
    with pytest.raises(RunnerError, match=r"scores of 4 classes .* but the dataset lists 3: expected `classes`"):
        pipeline.predict(run, pipeline.prepare(picture(), sample))


def test_what_was_found_stands_for_objects() -> None:
    pipeline = ObjectDetectionPipeline(detector(YOLOX))
    assert isinstance(pipeline, ActsAsReference)
    sample = pipeline.without_truth(Sample("a.jpg", None, 0), picture())
    assert truth_of(sample).image.width == 500
    assert len(pipeline.predict(run, pipeline.prepare(picture(), sample))) == 1  # whatever the number of classes
    found = made([[1, 2, 11, 22, 0.9, 1], [1, 2, 11, 22, 0.49, 0]])
    labelled = pipeline.with_truth(sample, found)
    objects = truth_of(labelled).objects
    assert [(one.category, one.box, one.area) for one in objects] == [(1, (1, 2, 10, 20), 200)]
    assert labelled.id == "a.jpg"
    assert pipeline.compare([labelled], [found], [found]).metrics["mAP"].fp32 == pytest.approx(1)
    moved = made([[1.5, 2, 11.5, 22, 0.9, 1]])  # an IoU of 0.9: as good a box, where a net's own is the truth
    assert pipeline.compare([labelled], [found], [moved]).metrics["mAP"].int8 == pytest.approx(1)


def test_predictions_survive_the_store() -> None:
    rng = np.random.default_rng(0)
    side = [Detections.none(), *detections(rng, scene(rng, 5)), Detections.none()]
    pipeline = ObjectDetectionPipeline(detector(YOLOX))
    packed = pipeline.pack(side)
    assert all(array.dtype != object for array in packed.values())
    for one, other in zip(side, pipeline.unpack(packed), strict=True):
        assert (one.boxes.tolist(), one.scores.tolist(), one.labels.tolist()) == (
            other.boxes.tolist(),
            other.scores.tolist(),
            other.labels.tolist(),
        )
    assert pipeline.unpack(pipeline.pack([])) == []


def test_conditions_are_plain_and_the_fingerprint_changes_with_them() -> None:
    one, other = (ObjectDetectionPipeline(detector({**YOLOX, "iou_threshold": value})) for value in (0.5, 0.6))
    conditions = one.conditions()
    assert json.loads(json.dumps(conditions)) == conditions
    assert one.fingerprint() != other.fingerprint()
    text = TASK.footnote(conditions, {})
    assert text == "images stretched to 64x32, scores from 0.01, at most 100 detections of an image"


def test_a_detector_needs_a_decoder() -> None:
    with pytest.raises(ConfigError, match="postprocess: is missing; a detector needs its `decoder`"):
        ObjectDetectionPipeline(replace(detector(YOLOX), postprocess=None))


def test_other_truths_are_refused() -> None:
    pipeline = ObjectDetectionPipeline(detector(YOLOX))
    prepared = pipeline.prepare(picture(), Sample("x", None, 0))
    assert isinstance(prepared, Prepared)
    with pytest.raises(TypeError, match="expected a DetectionTruth"):
        pipeline.with_truth(Sample("x", None, 0), Detections.none())
