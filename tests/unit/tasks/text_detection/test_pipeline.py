from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.spec.errors import ConfigError, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Pipeline, Tensor
from pytest_quant.tasks.optional import ActsAsReference
from pytest_quant.tasks.text_detection.task import TASK
from tests.unit.metrics import METRICS

from .models import detector

SAMPLE = Sample("img_1.jpg", (TextRegion((20.0, 40.0, 176.0, 40.0, 176.0, 76.0, 20.0, 76.0)),), 0)
IMAGE = np.zeros((160, 240, 3), np.uint8)
Run = Callable[[Tensor], dict[str, NDArray[np.float32]]]


def pipeline_of(model: ModelSpec | None = None) -> Pipeline:
    return TASK.pipeline(model or detector())


def gives(maps: Any, blob: str = "output") -> Run:
    return lambda _tensor: {blob: np.asarray(maps, np.float32)}


def pan_maps(height: int = 40, width: int = 64) -> NDArray[np.float32]:
    maps = np.full((6, height, width), -8, np.float32)
    maps[2:] = 0
    maps[0, 10:20, 5:45] = 8
    maps[1, 12:18, 8:42] = 8
    return maps


def test_the_task_as_a_zoo_file_meets_it() -> None:
    assert TASK.name == "text-detection"
    assert TASK.metrics == {name: METRICS[name] for name in ("hmean", "precision", "recall")}
    assert TASK.metric_options.keys() == TASK.metrics.keys()
    assert TASK.dataset_types == {"icdar2015", "ctw1500", "mmocr-json"}
    assert not TASK.orient


def test_from_pixels_to_a_score() -> None:
    pipeline = pipeline_of()
    prepared = pipeline.prepare(IMAGE, SAMPLE)
    assert prepared.tensor.shape == (3, 160, 256)
    found = pipeline.predict(gives(pan_maps()), prepared)
    assert pipeline.unpack(pipeline.pack([found])) == [found]
    comparison = pipeline.compare([SAMPLE], [found], [found])
    assert [pair.fp32 for pair in comparison.metrics.values()] == [1.0, 1.0, 1.0]


def test_the_net_gets_the_prepared_tensor_once() -> None:
    pipeline, seen = pipeline_of(), []
    prepared = pipeline.prepare(IMAGE, SAMPLE)

    def run(tensor: Tensor) -> dict[str, NDArray[np.float32]]:
        seen.append(tensor)
        return {"output": pan_maps()}

    pipeline.predict(run, prepared)
    assert len(seen) == 1
    assert seen[0] is prepared.tensor


FULL = {"textsnake": np.zeros((5, 160, 256)) - 9, "db": np.zeros((1, 160, 256)), "pan": np.zeros((6, 40, 64)) - 9}


@pytest.mark.parametrize("decoder", FULL)
def test_each_decoder_takes_its_maps_and_no_others(decoder: str) -> None:
    pipeline = pipeline_of(detector(decoder))
    prepared = pipeline.prepare(IMAGE, SAMPLE)
    assert pipeline.predict(gives(FULL[decoder]), prepared).capped_points == 0
    for other, maps in FULL.items():
        if other != decoder:
            with pytest.raises(
                RunnerError, match=r"output blob 'output' has shape .* for an input of width 256 and height"
            ):
                pipeline.predict(gives(maps), prepared)


def test_a_map_without_channels_is_one_channel() -> None:
    pipeline = pipeline_of(detector("db"))
    assert pipeline.predict(gives(np.zeros((160, 256))), pipeline.prepare(IMAGE, SAMPLE)).polygons == ()


@pytest.mark.parametrize("shape", [(), (6,), (6, 40, 64, 1), (6, 40, 63), (6, 160, 256), (2, 40, 64)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    pipeline = pipeline_of()
    with pytest.raises(RunnerError, match=r"expected text, kernel and embedding maps of shape \(40, 64\)"):
        pipeline.predict(gives(np.zeros(shape)), pipeline.prepare(IMAGE, SAMPLE))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("decoder", FULL)
def test_values_that_are_not_finite(decoder: str, bad: float) -> None:
    pipeline, maps = pipeline_of(detector(decoder)), FULL[decoder].copy()
    maps[0, 3, 5:8] = bad
    with pytest.raises(RunnerError, match=f"'output' holds 3 of {maps.size} values that are not finite"):
        pipeline.predict(gives(maps), pipeline.prepare(IMAGE, SAMPLE))


def test_logits_are_no_probabilities() -> None:
    pipeline = pipeline_of(detector("db"))
    with pytest.raises(RunnerError, match=r"holds values from -4 to 3; expected probabilities .* after the sigmoid"):
        pipeline.predict(gives(np.linspace(-4, 3, 160 * 256).reshape(1, 160, 256)), pipeline.prepare(IMAGE, SAMPLE))


@pytest.mark.parametrize("outputs", [{}, {"other": np.zeros(3)}, {"output": pan_maps(), "more": np.zeros((2, 2))}])
def test_other_output_blobs(outputs: dict[str, Any]) -> None:
    pipeline = pipeline_of()
    with pytest.raises(RunnerError, match="expected 'output' alone"):
        pipeline.predict(lambda _tensor: outputs, pipeline.prepare(IMAGE, SAMPLE))


def test_two_outputs_are_too_many() -> None:
    with pytest.raises(ConfigError, match="a text detector has one output blob"):
        pipeline_of(detector(outputs=("a", "b")))


def test_without_a_decoder_there_is_no_pipeline() -> None:
    with pytest.raises(ConfigError, match="needs its `decoder`"):
        pipeline_of(replace(detector(), postprocess=None))


def test_conditions_name_what_decides_the_numbers() -> None:
    model = detector(
        preprocess={"resize": {"keep_ratio": [1333, 736]}}, postprocess={"min_text_area": 8}, hmean={"match": "maximum"}
    )
    found = pipeline_of(model).conditions()
    expected = {
        "resize_backend": "opencv",
        "resize": {"keep_ratio": [1333, 736]},
        "pad_divisor": 32,
        "color": "rgb",
        "decoder": "pan",
        "decoder_profile": "mmocr-0.x",
        "score_threshold": 0.85,
        "min_text_area": 8,
        "hmean_profile": "mmocr-0.x",
        "hmean_match": "maximum",
        "hmean_score_threshold": "best of fp32",
        "shapely": shapely.__version__,
        "opencv": cv2.__version__,
    }
    assert expected.items() <= found.items()
    assert json.loads(json.dumps(found)) == found
    assert pipeline_of(detector(hmean={"score_threshold": 0.9})).conditions()["hmean_score_threshold"] == 0.9
    assert pipeline_of(detector(hmean={"profile": "icdar"})).conditions()["hmean_score_threshold"] is None


@pytest.mark.parametrize(
    "changed",
    [
        detector(color="bgr"),
        detector(mean=(0.0, 0.0, 0.0)),
        detector(size=(64, 64)),
        detector(outputs=("other",)),
        detector(preprocess={"resize": {"short_side": 736}}),
        detector(preprocess={"backend": "pillow"}),
        detector(preprocess={"pad_divisor": 64}),
        detector(postprocess={"profile": "mmocr-1.x"}),
        detector(postprocess={"text_repr_type": "poly"}),
        detector("textsnake"),
        detector("db"),
        detector("db", postprocess={"profile": "paddle"}),
    ],
)
def test_whatever_changes_predictions_changes_the_fingerprint(changed: ModelSpec) -> None:
    base = pipeline_of().fingerprint()
    assert pipeline_of(changed).fingerprint() != base
    assert json.loads(json.dumps(base)) == base


@pytest.mark.parametrize("decoder", FULL)
def test_how_hmean_is_counted_leaves_the_fingerprint_alone(decoder: str) -> None:
    counted = detector(decoder, hmean={"profile": "icdar", "match": "maximum", "score_threshold": 0.9})
    assert pipeline_of(counted).fingerprint() == pipeline_of(detector(decoder)).fingerprint()


def test_the_libraries_of_a_decoder_are_part_of_the_fingerprint() -> None:
    assert "pyclipper" in pipeline_of(detector("db")).fingerprint()


def test_what_was_found_can_be_the_truth() -> None:
    pipeline = pipeline_of()
    assert isinstance(pipeline, ActsAsReference)
    bare = pipeline.without_truth(replace(SAMPLE, truth=None), IMAGE)
    found = pipeline.predict(gives(pan_maps()), pipeline.prepare(IMAGE, bare))
    known = pipeline.with_truth(bare, found)
    assert [pair.fp32 for pair in pipeline.compare([known], [found], [found]).metrics.values()] == [1.0, 1.0, 1.0]
    weak = replace(found, scores=np.array([0.1]))
    assert pipeline.with_truth(bare, weak).truth == ()
