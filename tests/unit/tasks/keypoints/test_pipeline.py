from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_keypoints import CocoKeypointsOptions, PoseTruth
from pytest_quant.datasets.coco_persons import Person
from pytest_quant.evaluation.conditions import condition_names
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.spec.errors import ConfigError, DatasetError
from pytest_quant.tasks.base import Pipeline, Task, Tensor
from pytest_quant.tasks.keypoints.pipeline import KeypointsPipeline
from pytest_quant.tasks.keypoints.prediction import PosePrediction
from pytest_quant.tasks.keypoints.task import TASK
from tests.unit.metrics import METRICS

from .scenes import as_box, pose_net, sample_of

GROUND_TRUTH = CocoKeypointsOptions(images=Path("images"), annotations=Path("persons.json"), boxes="ground-truth")
DETECTIONS = CocoKeypointsOptions(
    images=Path("images"), annotations=Path("persons.json"), boxes=Path("boxes.json"), box_score_threshold=0.3
)
SOMEONE = Person(7, (100, 80, 30, 40), 700, (110.0, 90.0, 2.0) * 17, 17, False)
TRUTH = PoseTruth(CocoImage(9, "9.jpg", 640, 480), (SOMEONE,), (as_box(9, SOMEONE),))
PIXELS = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)


def dots(tensor: Tensor) -> dict[str, NDArray[np.float32]]:
    """A net that sees every keypoint at the strongest red pixel of its input, at a quarter of the size."""
    height, width = tensor.shape[1] // 4, tensor.shape[2] // 4
    y, x = np.unravel_index(int(tensor[0].argmax()), tensor.shape[1:])
    heatmaps = np.zeros((17, height, width), np.float32)
    heatmaps[:, y // 4, x // 4] = 0.9
    return {"heatmaps": heatmaps}


def test_the_task_keeps_its_protocol() -> None:
    task: Task = TASK
    model = pose_net()
    pipeline: Pipeline = task.pipeline(model)
    assert task.name == "keypoints"
    assert list(task.metrics) == ["AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"]
    assert set(task.metric_options) == set(task.metrics)
    assert "flip_test" in condition_names(model, pipeline)


def test_prepare_cuts_one_input_for_each_box() -> None:
    truth = replace(TRUTH, boxes=(TRUTH.boxes[0], replace(TRUTH.boxes[0], id="9/8", corners=(0.0, 0.0, 60.0, 80.0))))
    prepared = KeypointsPipeline(pose_net()).prepare(PIXELS, sample_of(truth))
    assert prepared.tensor.shape == (2, 3, 64, 48)
    assert prepared.tensor.dtype == np.float32
    assert prepared.tensor[1, :, 0, 0].tolist() == [0, 0, 0]  # beyond the image
    center = prepared.tensor[0, :, 32, 24]
    assert np.abs(center - PIXELS[100, 115].astype(np.float32)).max() <= 1


def test_the_border_is_black_before_normalization() -> None:
    model = pose_net()
    model = replace(model, input=replace(model.input, mean=(10.0, 20.0, 30.0), std=(2.0, 2.0, 2.0)))
    truth = replace(TRUTH, boxes=(replace(TRUTH.boxes[0], corners=(0.0, 0.0, 60.0, 80.0)),))
    prepared = KeypointsPipeline(model).prepare(PIXELS, sample_of(truth))
    assert prepared.tensor[0, :, 0, 0].tolist() == [-5, -10, -15]


@pytest.mark.parametrize("flip_test", [False, True])
def test_a_bright_spot_is_found_where_it_is(flip_test: bool) -> None:
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[96:99, 118:121] = 255
    pipeline = KeypointsPipeline(pose_net(postprocess={"flip_test": flip_test}))
    prediction: PosePrediction = pipeline.predict(dots, pipeline.prepare(pixels, sample_of(TRUTH)))
    assert prediction.keypoints.shape == (1, 17, 2)
    assert np.abs(prediction.keypoints[0] - (119, 97)).max() < 4
    assert prediction.scores.max() <= np.float32(0.9)


def test_udp_finds_it_as_well() -> None:
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[96:99, 118:121] = 255
    pipeline = KeypointsPipeline(pose_net(preprocess={"udp": True}, postprocess={"refine": "udp"}))
    prediction: PosePrediction = pipeline.predict(dots, pipeline.prepare(pixels, sample_of(TRUTH)))
    assert prediction.keypoints.dtype == np.float64
    assert np.abs(prediction.keypoints[0] - (119, 97)).max() < 4


def test_an_image_without_boxes_runs_nothing() -> None:
    pipeline = KeypointsPipeline(pose_net())
    prepared = pipeline.prepare(PIXELS, sample_of(replace(TRUTH, boxes=())))
    assert prepared.tensor.shape == (0, 3, 64, 48)
    prediction: PosePrediction = pipeline.predict(lambda _: pytest.fail("ran"), prepared)
    assert prediction.keypoints.shape == (0, 17, 2)


def random_prediction(boxes: int, dtype: Any) -> PosePrediction:
    rng = np.random.default_rng(boxes)
    return PosePrediction(rng.random((boxes, 17, 2)).astype(dtype), rng.random((boxes, 17), np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("counts", [[2, 0, 3], [0], [], [1]])
def test_packed_predictions_come_back(counts: list[int], dtype: Any) -> None:
    pipeline = KeypointsPipeline(pose_net())
    before = [random_prediction(count, dtype) for count in counts]
    arrays = pipeline.pack(before)
    assert all(array.dtype != object for array in arrays.values())
    after = pipeline.unpack(arrays)
    assert len(after) == len(before)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
        np.testing.assert_array_equal(one.scores, other.scores)
        assert len(one.scores) == 0 or one.keypoints.dtype == other.keypoints.dtype


@pytest.mark.parametrize("shape", [(480, 639, 3), (240, 320, 3)])
def test_an_image_of_another_size_than_annotated(shape: tuple[int, ...]) -> None:
    message = r"sample '9': 9.jpg has \d+ by \d+ pixels, but its annotations say 640 by 480"
    with pytest.raises(DatasetError, match=message):
        KeypointsPipeline(pose_net()).prepare(np.zeros(shape, np.uint8), sample_of(TRUTH))


def test_an_image_that_exif_turned_is_taken_as_mmpose_takes_it() -> None:
    turned = np.zeros((640, 480, 3), np.uint8)
    assert KeypointsPipeline(pose_net()).prepare(turned, sample_of(TRUTH)).tensor.shape == (1, 3, 64, 48)


def test_conditions_tell_the_boxes() -> None:
    assert KeypointsPipeline(pose_net(dataset=GROUND_TRUTH)).conditions()["boxes"] == "ground-truth"
    found = KeypointsPipeline(pose_net(dataset=DETECTIONS)).conditions()
    assert (found["boxes"], found["box_score_threshold"]) == ("detections", 0.3)
    assert KeypointsPipeline(pose_net()).conditions()["boxes"] is None


def test_conditions_have_the_same_names_for_every_pose_net() -> None:
    heatmap = KeypointsPipeline(pose_net(dataset=GROUND_TRUTH))
    simcc = KeypointsPipeline(
        pose_net(
            outputs=("x", "y"),
            dataset=DETECTIONS,
            postprocess={"decoder": "simcc", "refine": "dark", "sigma": [4.9, 5.66], "flip_test": True},
        )
    )
    assert list(heatmap.conditions()) == list(simcc.conditions())
    assert heatmap.conditions()["flip_test"] is False
    assert simcc.conditions()["flip_test"] is True


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("preprocess", {"padding": 1.0}),
        ("postprocess", {"flip_test": True}),
        ("postprocess", {"refine": "dark"}),
        ("postprocess", {"profile": "mmpose-0.x"}),
    ],
)
def test_what_changes_predictions_is_in_the_fingerprint(part: str, keys: dict[str, Any]) -> None:
    plain, other = KeypointsPipeline(pose_net()), KeypointsPipeline(pose_net(**{part: keys}))  # type: ignore[arg-type]
    assert plain.fingerprint() != other.fingerprint()


def test_scoring_is_a_condition_but_not_in_the_fingerprint() -> None:
    plain, other = KeypointsPipeline(pose_net()), KeypointsPipeline(pose_net(metric={"nms": "soft"}))
    assert plain.fingerprint() == other.fingerprint()
    assert other.conditions()["nms"] == "soft"


def test_options_that_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match=r"input\.size is missing"):
        KeypointsPipeline(pose_net(None))
    with pytest.raises(ConfigError, match=r"preprocess\.udp is true, but postprocess\.refine is shift"):
        KeypointsPipeline(pose_net(preprocess={"udp": True}))
    with pytest.raises(ConfigError, match=r"preprocess\.udp is false, but postprocess\.refine is udp"):
        KeypointsPipeline(pose_net(postprocess={"refine": "udp"}))


def test_compare_asks_for_what_the_limits_want() -> None:
    pipeline = KeypointsPipeline(pose_net(limits=(Tolerance(METRICS["APL"], 0.01),)))
    nothing = PosePrediction(np.zeros((1, 17, 2), np.float32), np.zeros((1, 17), np.float32))
    with pytest.raises(DatasetError, match="APL is not defined"):
        pipeline.compare([sample_of(TRUTH)], [nothing], [nothing])
    comparison = KeypointsPipeline(pose_net()).compare([sample_of(TRUTH)], [nothing], [nothing])
    assert comparison.metrics["AP"].fp32 == 0


def test_what_was_found_can_be_the_truth() -> None:
    pipeline = KeypointsPipeline(pose_net())
    found = pipeline.predict(dots, pipeline.prepare(PIXELS, sample_of(TRUTH)))
    known = pipeline.with_truth(sample_of(TRUTH), found)
    comparison = pipeline.compare([known], [found], [found])
    assert comparison.metrics["AP"].fp32 == pytest.approx(1.0)


def test_an_image_without_boxes_is_the_crop_of_a_person() -> None:
    pipeline = KeypointsPipeline(pose_net())
    bare = replace(sample_of(TRUTH), truth=None)
    seen = pipeline.prepare(PIXELS, pipeline.without_truth(bare, PIXELS))
    whole = pipeline.prepare_crop(PIXELS, bare)
    assert np.abs(seen.tensor - whole.tensor).max() <= 1
    assert pipeline.without_truth(sample_of(TRUTH), PIXELS) == sample_of(TRUTH)
