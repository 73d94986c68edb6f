"""A real detector (PP-OCRv5 mobile, DB head) on real ICDAR2015 images; its int8 file really is bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets import icdar2015
from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.text_detection.comparison import DetectionComparison
from pytest_quant.tasks.text_detection.options import HmeanOptions, PostprocessOptions, PreprocessOptions, Resize
from pytest_quant.tasks.text_detection.task import TASK
from tests.unit.metrics import METRICS

SHARED = Path(__file__).parents[4].parent / "shared"
IMAGES = 20
"""Enough to decide: the whole set takes ten times as long."""


def detector() -> ModelSpec:
    folder, data = SHARED / "models" / "ppocr_det-icdar", SHARED / "data" / "icdar2015"
    if not folder.is_dir() or not data.is_dir():
        pytest.skip(f"the shared models and data are not on this machine: {SHARED}")
    options = icdar2015.Icdar2015Options(images=data / "images", annotations=data / "gt")
    zoo = Path("zoo.quant.yaml")
    return ModelSpec(
        name="ppocr",
        zoo=zoo,
        task="text-detection",
        dataset=DatasetSpec("icdar2015", "icdar2015", options, zoo),
        nets={
            "fp32": NcnnFiles(param=folder / "ppocr_det.param", bin=folder / "ppocr_det.bin").net(),
            "int8": NcnnFiles(param=folder / "ppocr_det-int8.param", bin=folder / "ppocr_det-int8.bin").net(),
        },
        input=InputSpec("in0", None, "bgr", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
        outputs=("out0",),
        preprocess=PreprocessOptions(resize=Resize(long_side=640)),
        postprocess=PostprocessOptions(decoder="db", profile="paddle", box_threshold=0.6, unclip_ratio=1.5),
        metric_options={"hmean": HmeanOptions(profile="icdar")},
    )


@pytest.fixture(scope="module")
def measurement(tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    model = detector()
    bench = open_workbench(tmp_path_factory.mktemp("run"), cores=2, sampling=Sampling(samples=IMAGES))
    return bench.measure(model)


def test_the_bad_int8_file_fails_clearly(measurement: Measurement) -> None:
    verdict = Tolerance(METRICS["hmean"], 0.01).of_measured(measurement, 0.95)
    assert verdict.decision == "fail"
    assert f"n = {IMAGES} of 100" in verdict.reason
    hmean = measurement.comparison.metrics["hmean"]
    assert hmean.fp32 > 0.3
    assert hmean.int8 < 0.2


def test_what_is_kept_of_it(measurement: Measurement) -> None:
    comparison = measurement.comparison
    assert isinstance(comparison, DetectionComparison)
    fp32, int8 = comparison.counts["fp32"], comparison.counts["int8"]
    assert fp32.regions.tolist() == int8.regions.tolist()
    assert fp32.hits.sum() == comparison.details["fp32"]["hits"]
    lost = comparison.flips.only_fp32_right - comparison.flips.only_int8_right
    assert lost == fp32.hits.sum() - int8.hits.sum()


def test_images_of_any_size_run_through_one_net() -> None:
    from pytest_quant.evaluation.model_nets import open_runner

    model = detector()
    pipeline, runner = TASK.pipeline(model), open_runner(model, "fp32")
    sample = icdar2015.open_dataset(model.dataset).samples[0]
    rng = np.random.default_rng(0)
    with single_threaded_opencv():
        for height, width in ((72, 128), (90, 64), (33, 320)):
            image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            prepared = pipeline.prepare(image, sample)
            assert max(prepared.tensor.shape) == 640
            assert pipeline.predict(runner.run, prepared).scores.ndim == 1
    runner.close()
