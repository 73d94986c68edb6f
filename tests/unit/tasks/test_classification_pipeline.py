from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import PIL
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.extending.known import get_task
from pytest_quant.spec.errors import DatasetError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Pipeline, Tensor
from pytest_quant.tasks.classification.prediction import ClassPrediction, decode_scores
from pytest_quant.tasks.images import center_crop, resize
from tests.unit.metrics import METRICS

from .models import classifier, net_input

SAMPLE = Sample("a/b.png", 1, 0)


def pipeline_of(model: ModelSpec | None = None) -> Pipeline:
    return get_task("classification").pipeline(model or classifier())


def photo(height: int = 300, width: int = 401) -> NDArray[np.uint8]:
    rough = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def gives(*values: float, blob: str = "prob") -> Callable[[Tensor], dict[str, NDArray[np.float32]]]:
    return lambda _tensor: {blob: np.array(values, np.float32)}


def test_the_task_as_a_zoo_file_meets_it() -> None:
    task = get_task("classification")
    assert task.name == "classification"
    assert task.metrics == {"top1": METRICS["top1"], "top5": METRICS["top5"]}
    assert task.metric_options.keys() == task.metrics.keys()
    assert task.dataset_types == {"cifar10", "imagenet", "image-list"}
    assert task.orient


def test_the_steps_of_the_imagenet_protocol() -> None:
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    keys = {"resize": {"short_side": 256, "rounding": "truncate"}, "crop": 224}
    prepared = pipeline_of(classifier(net_input((224, 224), "rgb", mean, std), keys)).prepare(photo(), SAMPLE)
    pixels = center_crop(resize(photo(), (342, 256), "pillow"), (224, 224)).astype(np.float32)
    expected = (pixels - np.array(mean, np.float32)) / np.array(std, np.float32)
    assert prepared.sample is SAMPLE
    assert prepared.tensor.shape == (3, 224, 224)
    assert prepared.tensor.flags.c_contiguous
    assert np.array_equal(prepared.tensor, expected.transpose(2, 0, 1))


def test_without_preprocess_an_image_takes_the_size_of_the_input() -> None:
    tensor = pipeline_of(classifier(net_input((64, 48), "bgr"), {"backend": "opencv"})).prepare(photo(), SAMPLE).tensor
    expected = cv2.resize(photo(), (64, 48), interpolation=cv2.INTER_LINEAR)[..., ::-1].transpose(2, 0, 1)
    assert np.array_equal(tensor, expected)


def test_without_a_size_an_image_keeps_its_own() -> None:
    tensor = pipeline_of().prepare(photo(), SAMPLE).tensor
    assert np.array_equal(tensor, photo().transpose(2, 0, 1))


def test_a_crop_alone_does_not_resize() -> None:
    tensor = pipeline_of(classifier(net_input((100, 60)), {"crop": [100, 60]})).prepare(photo(), SAMPLE).tensor
    assert np.array_equal(tensor, center_crop(photo(), (100, 60)).transpose(2, 0, 1))


def test_an_image_smaller_than_the_crop_names_the_sample() -> None:
    with pytest.raises(DatasetError, match=r"sample 'a/b\.png': an image of 30 by 40 pixels is smaller"):
        pipeline_of(classifier(preprocess={"crop": 224})).prepare(photo(40, 30), SAMPLE)


@pytest.mark.parametrize("shape", [(6,), (6, 1, 1), (1, 6), (1, 1, 6), (1, 6, 1, 1)])
def test_shapes_of_class_scores(shape: tuple[int, ...]) -> None:
    scores = np.array([0.125, 0.5, 0.25, 0.5, 0.0, -1.0], np.float32).reshape(shape)
    prediction = decode_scores(scores, "prob")
    assert prediction == ClassPrediction((1, 3, 2, 0, 4), (0.5, 0.5, 0.25, 0.125, 0.0), 6)
    assert prediction.label == 1


@pytest.mark.parametrize("shape", [(), (0,), (1,), (1, 1, 1), (2, 3), (10, 7, 7)])
def test_shapes_that_are_no_class_scores(shape: tuple[int, ...]) -> None:
    with pytest.raises(RunnerError, match=r"output blob 'prob' has shape \(") as caught:
        decode_scores(np.zeros(shape, np.float32), "prob")
    assert str(shape) in str(caught.value)


def test_nan_scores_are_no_answer() -> None:
    with pytest.raises(RunnerError, match="holds 1 NaN among 3 scores"):
        pipeline_of().predict(gives(0.1, float("nan"), 0.2), pipeline_of().prepare(photo(), SAMPLE))


def test_predict_runs_the_net_on_the_prepared_image() -> None:
    pipeline = pipeline_of()
    prepared = pipeline.prepare(photo(), SAMPLE)
    seen: list[Tensor] = []

    def run(tensor: Tensor) -> dict[str, NDArray[np.float32]]:
        seen.append(tensor)
        return {"prob": np.array([[[0.2]], [[0.8]]], np.float32)}

    assert pipeline.predict(run, prepared) == ClassPrediction(
        (1, 0), (float(np.float32(0.8)), float(np.float32(0.2))), 2
    )
    assert len(seen) == 1
    assert seen[0] is prepared.tensor


@pytest.mark.parametrize("outputs", [{}, {"other": np.zeros(3)}, {"prob": np.zeros(3), "more": np.zeros((2, 2))}])
def test_other_output_blobs(outputs: dict[str, Any]) -> None:
    pipeline = pipeline_of()
    with pytest.raises(RunnerError, match="expected 'prob' alone"):
        pipeline.predict(lambda _tensor: outputs, pipeline.prepare(photo(), SAMPLE))


def test_a_label_that_is_no_class_is_found_at_the_first_sample() -> None:
    pipeline = pipeline_of()
    with pytest.raises(DatasetError, match=r"'a/b\.png' has label 2, but the net has 2 classes"):
        pipeline.predict(gives(0.1, 0.9), pipeline.prepare(photo(), replace(SAMPLE, truth=2)))


@given(st.integers(2, 12), st.integers(0, 5), st.integers(0, 99))
def test_packed_predictions_come_back_equal(classes: int, count: int, seed: int) -> None:
    pipeline = pipeline_of()
    scores = np.random.default_rng(seed).standard_normal((count, classes)).astype(np.float32)
    predictions = [decode_scores(row, "prob") for row in scores]
    arrays = pipeline.pack(predictions)
    assert all(array.dtype in (np.int32, np.float32) for array in arrays.values())
    assert pipeline.unpack(arrays) == predictions


def test_predictions_of_two_nets_do_not_pack() -> None:
    with pytest.raises(ValueError, match="inhomogeneous"):
        pipeline_of().pack([ClassPrediction((0, 1), (1.0, 0.5), 2), ClassPrediction((0, 1, 2), (1.0, 0.5, 0.1), 3)])


def test_compare_uses_the_models_own_options_and_limits() -> None:
    pipeline = pipeline_of(classifier(metric={"top1": {"profile": "mmpretrain"}}))
    negative = decode_scores(np.array([-1, -2, -3, -4, -5], np.float32), "prob")
    result = pipeline.compare([Sample("x", 0, 0)], [negative], [negative])
    assert {name: pair.fp32 for name, pair in result.metrics.items()} == {"top1": 0.0, "top5": 100.0}


def test_conditions_name_what_decides_the_numbers() -> None:
    keys = {"resize": {"short_side": 256}, "crop": 224, "backend": "opencv"}
    model = classifier(
        net_input((224, 224), "bgr", (1, 2, 3), (4, 5, 6), 0.5), keys, {"top5": {"profile": "mmpretrain"}}
    )
    assert pipeline_of(model).conditions() == {
        "resize_backend": "opencv",
        "resize": {"short_side": 256, "rounding": "truncate"},
        "crop": [224, 224],
        "color": "bgr",
        "mean": [1, 2, 3],
        "std": [4, 5, 6],
        "scale": 0.5,
        "top1_profile": "rank",
        "top5_profile": "mmpretrain",
    }
    implied = pipeline_of(classifier(net_input((32, 32)))).conditions()
    assert (implied["resize"], implied["crop"]) == ({"size": [32, 32]}, None)
    assert pipeline_of().conditions()["resize"] is None
    assert json.loads(json.dumps(implied)) == implied


@pytest.mark.parametrize(
    "changed",
    [
        classifier(net_input((224, 224), color="bgr"), {}),
        classifier(net_input((224, 224), mean=(1.0, 0.0, 0.0)), {}),
        classifier(net_input((224, 224), std=(2.0, 1.0, 1.0)), {}),
        classifier(net_input((224, 224), scale=0.5), {}),
        classifier(net_input((227, 227)), {}),
        classifier(net_input((224, 224)), {"crop": 224}),
        classifier(net_input((224, 224)), {"backend": "opencv"}),
        classifier(net_input((224, 224)), {"resize": {"short_side": 256}, "crop": 224}),
        classifier(net_input((224, 224)), {"resize": {"short_side": 256, "rounding": "round"}, "crop": 224}),
        classifier(net_input((224, 224)), outputs=("other",)),
    ],
)
def test_whatever_changes_predictions_changes_the_fingerprint(changed: ModelSpec) -> None:
    base = pipeline_of(classifier(net_input((224, 224)))).fingerprint()
    assert pipeline_of(changed).fingerprint() != base
    assert json.loads(json.dumps(base)) == base


def test_metric_profiles_leave_the_fingerprint_alone() -> None:
    strict = classifier(metric={"top1": {"profile": "mmpretrain"}})
    fingerprint = pipeline_of(strict).fingerprint()
    assert fingerprint == pipeline_of().fingerprint()
    assert (fingerprint["opencv"], fingerprint["pillow"], fingerprint["numpy"]) == (
        cv2.__version__,
        PIL.__version__,
        np.__version__,
    )
