"""What the tasks say there is to see of a sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.coco_detection import CocoObject, DetectionTruth
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_keypoints import PoseTruth
from pytest_quant.datasets.coco_persons import Person
from pytest_quant.datasets.masks import Coding, MaskFile
from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.evaluation.digests import sha256_file
from pytest_quant.tasks.classification import drawing as classes
from pytest_quant.tasks.classification.prediction import ClassPrediction
from pytest_quant.tasks.drawing import Mask, Outline, Scene, Skeleton
from pytest_quant.tasks.keypoints import drawing as poses
from pytest_quant.tasks.keypoints.prediction import PosePrediction
from pytest_quant.tasks.object_detection import drawing as objects
from pytest_quant.tasks.object_detection.prediction import Detections
from pytest_quant.tasks.semantic_segmentation import drawing as masks
from pytest_quant.tasks.semantic_segmentation.prediction import make_prediction as segmented
from pytest_quant.tasks.text_detection import drawing as regions
from pytest_quant.tasks.text_detection.prediction import make_prediction

SCENE = Scene(64, 48, ("cat", "dog", "cow"))


def test_a_class_is_a_name_with_its_score() -> None:
    assert classes.draw_truth(Sample("a", 1, 0), SCENE).caption == "dog"
    assert classes.draw_answer(ClassPrediction((2, 0, 1), (9.5, 1.25, 0.5), 3), SCENE).caption == "cow 9.5, cat 1.25"
    unnamed = classes.draw_answer(ClassPrediction((7, 0), (0.5, 0.25), 9), Scene(8, 8))
    assert unnamed.caption == "class 7 0.5, class 0 0.25"


def test_regions_are_those_at_the_threshold_of_the_metrics() -> None:
    square = np.array([[0, 0], [4, 0], [4, 4], [0, 4]])
    found = make_prediction([square, square + 10, square + 20], np.array([0.5, 0.6, 0.59], np.float32))
    at = Scene(64, 48, details={"score_threshold": float(np.float32(0.6))})
    shown = regions.draw_answer(found, at)
    assert shown.caption == "1 region"
    assert shown.shapes == (Outline(((10, 10), (14, 10), (14, 14), (10, 14)), "0.60"),)
    assert regions.draw_answer(found, Scene(64, 48, details={"score_threshold": None})).caption == "3 regions"
    truth = (TextRegion((0, 0, 4, 0, 4, 4)), TextRegion((9, 9, 12, 9, 12, 12, 9, 12), ignore=True))
    drawn = regions.draw_truth(Sample("a", truth, 0), SCENE)
    assert drawn.caption == "1 region"
    assert [shape.dashed for shape in drawn.shapes if isinstance(shape, Outline)] == [False, True]


def test_a_pose_has_the_keypoints_that_are_there() -> None:
    coordinates = np.arange(34, dtype=np.float32).reshape(1, 17, 2)
    scores = np.full((1, 17), 0.9, np.float32)
    scores[0, 3] = 0.2
    found = poses.draw_answer(PosePrediction(coordinates, scores), SCENE, 0.2)
    assert found.caption == "1 pose"
    (skeleton,) = found.shapes
    assert isinstance(skeleton, Skeleton)
    assert skeleton.points[2:5] == ((4, 5), None, (8, 9))
    labelled = np.zeros((17, 3))
    labelled[5] = (20, 30, 2)
    person = Person(1, (0, 0, 9, 9), 81, tuple(labelled.reshape(-1)), 1, crowd=False)
    nobody = Person(2, (0, 0, 9, 9), 81, (0,) * 51, 0, crowd=False)
    truth = PoseTruth(CocoImage(1, "a.jpg", 64, 48), (person, nobody), ())
    (drawn,) = poses.draw_truth(Sample("1", truth, 0), SCENE).shapes
    assert isinstance(drawn, Skeleton)
    assert [point for point in drawn.points if point] == [(20, 30)]


def test_objects_have_boxes_with_names() -> None:
    ground = (CocoObject(1, 1, (1, 2, 3, 4), 12, crowd=False), CocoObject(2, 0, (0, 0, 9, 9), 81, crowd=True))
    sample = Sample("1", DetectionTruth(CocoImage(1, "a.jpg", 64, 48), ground, ("cat", "dog")), 0)
    truth = objects.draw_truth(sample, SCENE)
    assert truth.caption == "1 object"
    assert truth.shapes[0] == Outline(((1, 2), (4, 2), (4, 6), (1, 6)), "dog")
    boxes = np.array([[0, 0, 5, 5], [1, 1, 2, 2]], np.float32)
    found = Detections(boxes, np.array([0.75, 0.1], np.float32), np.array([0, 1], np.int32))
    shown = objects.draw_answer(sample, found, SCENE)
    assert shown.caption == "1 object from score 0.3"
    assert shown.shapes == (Outline(((0, 0), (5, 0), (5, 5), (0, 5)), "cat 0.75"),)


def test_a_segmented_image_has_a_class_at_each_place(tmp_path: Path) -> None:
    labels = np.zeros((48, 64), np.uint8)
    labels[:24] = 1
    labels[0, 0] = 255
    Image.fromarray(labels).save(tmp_path / "mask.png")
    sample = Sample("a", MaskFile(tmp_path / "mask.png", sha256_file(tmp_path / "mask.png"), Coding()), 0)
    (truth,) = masks.draw_truth(sample, SCENE).shapes
    assert isinstance(truth, Mask)
    assert truth.classes.shape == (48, 64)
    assert (truth.classes[0, :2].tolist(), truth.classes[47, 63]) == ([-1, 1], 0)
    answers = np.zeros((48, 64), np.uint16)
    counted = np.where(labels == 255, -1, labels.astype(np.int32))
    shown = masks.draw_answer(segmented(answers, counted, 3), SCENE)
    assert shown.caption == "50.0 % of the pixels right: cat"


def test_a_large_image_is_drawn_at_its_lattice() -> None:
    answers = np.repeat(np.arange(3, dtype=np.uint16), 400)[np.newaxis].repeat(800, axis=0)
    (mask,) = masks.draw_answer(segmented(answers, None, 3), Scene(1200, 800, SCENE.class_names)).shapes
    assert isinstance(mask, Mask)
    rows, columns = mask.classes.shape
    assert rows * columns <= 1 << 14
    assert abs(rows / columns - 2 / 3) < 0.02
    assert (mask.classes[:, 0] == 0).all()
    assert (mask.classes[:, -1] == 2).all()
