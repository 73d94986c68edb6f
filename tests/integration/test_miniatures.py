"""The int8 nets of ``fixtures/`` are what calibration and the int8 writer make of the fp32 nets now."""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_quant.datasets.coco_detection import open_dataset, read_truths
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.nets.ncnn.files.table import read_table
from pytest_quant.nets.ncnn.net_files import ncnn_files
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.object_detection.pipeline import ObjectDetectionPipeline
from pytest_quant.zoo.reader import BrokenModel, read_zoo

FIXTURES = Path(__file__).parents[2] / "fixtures"
MODELS = {
    model.name: model for name in ("zoo.quant.yaml", "more.quant.yaml") for model in read_zoo(FIXTURES / name).models
}
THINGS = FIXTURES / "data" / "coco-detection-mini"
IMAGENET_LIKE = ("resnext50", "mobilenetv2", "hrnet_w18", "mobilenetv2-unnormalized")


@pytest.fixture
def quantize_script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script ``quantize_imagenet.py``, as a module."""
    monkeypatch.syspath_prepend(str(FIXTURES / "make"))
    return import_module("quantize_imagenet")


@pytest.mark.parametrize("model", [pytest.param(model, id=name) for name, model in MODELS.items()])
def test_the_int8_files_are_what_the_table_makes(model: ModelSpec | BrokenModel, tmp_path: Path) -> None:
    assert isinstance(model, ModelSpec), model
    fp32, int8 = ncnn_files(model, "fp32"), ncnn_files(model, "int8")
    assert int8.table is not None
    param, weights = tmp_path / "int8.param", tmp_path / "int8.bin"
    report = quantize_model(fp32.param, fp32.bin, int8.table, param, weights)
    assert report.quantized
    assert param.read_bytes() == int8.param.read_bytes()
    assert weights.read_bytes() == int8.bin.read_bytes()


@pytest.mark.parametrize("name", IMAGENET_LIKE)
def test_the_tables_are_what_calibration_makes(name: str, quantize_script: Any) -> None:
    """Between processors activations may differ a little, and the choice of a threshold with them."""
    made = quantize_script.table_of(quantize_script.CHOICES[name], quantize_script.run_calibration(name))
    committed = read_table(FIXTURES / "models" / name / f"{name}.table")
    assert list(made.weights) == list(committed.weights)
    for entry, scales in made.weights.items():
        assert scales == pytest.approx(committed.weights[entry], abs=1e-6, rel=1e-6), entry
    assert dict(made.activations) == pytest.approx(dict(committed.activations), rel=0.03)


def test_nothing_is_calibrated_on_a_test_picture() -> None:
    folder = FIXTURES / "data" / "imagenet-mini"
    digests = [
        {sha256(file.read_bytes()).digest() for file in (folder / part).rglob("*.JPEG")}
        for part in ("val", "calibration")
    ]
    assert [len(found) for found in digests] == [2000, 160]
    assert not digests[0] & digests[1]


@pytest.fixture
def measure_ssd(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script ``measure_ssd.py``, as a module: the detector by plain loops."""
    monkeypatch.syspath_prepend(str(FIXTURES / "make"))
    return import_module("measure_ssd")


@pytest.mark.parametrize("side", ["fp32", "int8"])
def test_the_detector_finds_what_plain_loops_find(side: str, measure_ssd: Any) -> None:
    model = MODELS["ssd"]
    assert isinstance(model, ModelSpec)
    pipeline, dataset = ObjectDetectionPipeline(model), open_dataset(model.dataset)
    runner, net = open_runner(model, side), measure_ssd.load("ssd", "" if side == "fp32" else "-int8")
    for sample in dataset.samples[:12]:
        pixels = dataset.read(sample)
        found = pipeline.predict(runner.run, pipeline.prepare(pixels, sample))
        rows = list(measure_ssd.detect(net, np.ascontiguousarray(pixels)))
        assert found.labels.tolist() == [label for label, _, _ in rows]
        np.testing.assert_allclose(found.scores, [score for _, score, _ in rows], rtol=1e-5)
        corners = [(left, top, left + width, top + height) for _, _, (left, top, width, height) in rows]
        np.testing.assert_allclose(found.boxes, np.array(corners).reshape(-1, 4), atol=1e-3)
    runner.close()


def test_the_detection_data_have_what_coco_has() -> None:
    truths = read_truths(THINGS / "annotations" / "instances_val.json", ("airplane", "car", "cat", "chair", "cup"))
    objects = [found for truth in truths for found in truth.objects]
    assert (len(truths), len(objects), sum(found.crowd for found in objects)) == (160, 309, 14)
    assert sum(not truth.objects for truth in truths) == 22
    assert {found.category for found in objects} == set(range(5))
    digests = [
        {sha256(file.read_bytes()).digest() for file in (THINGS / part).glob("*.jpg")}
        for part in ("val", "calibration")
    ]
    assert [len(found) for found in digests] == [160, 40]
    assert not digests[0] & digests[1]
