"""The int8 nets of ``fixtures/`` are what calibration and the int8 writer make of the fp32 nets now."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_quant.datasets.coco_detection import open_dataset, read_truths
from pytest_quant.evaluation.model_nets import open_runner
from pytest_quant.nets.ncnn.files.table import read_table
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.object_detection.options import PostprocessOptions
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


def with_ncnns_own_layer(folder: Path, measure_ssd: Any) -> None:
    """Write the fp32 detector as ``ncnn_end2end`` exports are: priors, softmax and DetectionOutput inside."""
    stem = FIXTURES / "models" / "ssd" / "ssd"
    magic, _, *layers = stem.with_suffix(".param").read_text().splitlines()
    layers += [
        "MemoryData prior 0 1 prior 0=3024 1=2",
        "Slice sides 1 2 out0 classes background -23300=2,5,-233 1=1",
        "Concat turned 2 1 background classes turned 0=1",
        "Softmax scores 1 1 turned scores 0=1 1=1",
        "Flatten conf 1 1 scores conf",
        "Flatten loc 1 1 out1 loc",
        "DetectionOutput end 3 1 loc conf prior found 0=6 1=0.45 2=1000 3=200 4=0.02 5=0.1 6=0.1 7=0.2 8=0.2",
    ]
    blobs = sum(int(layer.split()[3]) for layer in layers)
    (folder / "end.param").write_text("\n".join([magic, f"{len(layers)} {blobs}", *layers]) + "\n")
    priors = measure_ssd.priors() / measure_ssd.INPUT_PX
    weights = np.concatenate([priors.ravel(), np.tile(np.float32(measure_ssd.TARGET_STDS), len(priors))])
    (folder / "end.bin").write_bytes(stem.with_suffix(".bin").read_bytes() + weights.astype("<f4").tobytes())


def test_the_detector_finds_what_ncnns_own_layer_finds(measure_ssd: Any, tmp_path: Path) -> None:
    """Which does not clip boxes: so neither is done here."""
    model = MODELS["ssd"]
    assert isinstance(model, ModelSpec)
    with_ncnns_own_layer(tmp_path, measure_ssd)
    ours = replace(model, postprocess=model.postprocess.model_copy(update={"clip": False, "min_bbox_size": -1.0}))
    whole = NcnnFiles(param=tmp_path / "end.param", bin=tmp_path / "end.bin").net()
    rows = PostprocessOptions(decoder="detection-output", max_detections=200)
    theirs = replace(model, nets={**model.nets, "fp32": whole}, outputs=("found",), postprocess=rows)
    dataset, found = open_dataset(model.dataset), []
    for one in (ours, theirs):
        pipeline, runner = ObjectDetectionPipeline(one), open_runner(one, "fp32")
        samples = dataset.samples[:12]
        found.append([pipeline.predict(runner.run, pipeline.prepare(dataset.read(each), each)) for each in samples])
        runner.close()
    assert sum(map(len, found[0])) > 50
    for mine, layer in zip(*found, strict=True):
        assert mine.labels.tolist() == layer.labels.tolist()
        np.testing.assert_allclose(mine.scores, layer.scores, rtol=1e-5)
        np.testing.assert_allclose(mine.boxes, layer.boxes, atol=2e-3)
