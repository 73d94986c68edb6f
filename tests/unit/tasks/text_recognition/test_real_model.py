"""Real recognizers (PP-OCR mobile v2.0, EasyOCR english_g2) on real ICDAR2015 words; one int8 file really is bad.

All 400 words, which take a minute, are in ``benchmarks/recognition.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets.words import TextLinesOptions
from pytest_quant.evaluation.sampling import Sampling
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.text_recognition.options import PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.text_recognition.task import TASK

SHARED = Path(__file__).parents[4].parent / "shared"
WORDS = 40


def words() -> DatasetSpec:
    data = SHARED / "data" / "icdar2015-words"
    if not data.is_dir() or not (SHARED / "models").is_dir():
        pytest.skip(f"the shared models and data are not on this machine: {SHARED}")
    options = TextLinesOptions(images=data / "test", annotations=data / "Challenge4_Test_Task3_GT.txt")
    return DatasetSpec("words", "text-lines", options, Path("zoo.quant.yaml"))


def ppocr() -> ModelSpec:
    folder, dataset = SHARED / "models" / "ppocr_rec-v2.0", words()
    return ModelSpec(
        name="ppocr",
        zoo=dataset.zoo,
        task="text-recognition",
        dataset=dataset,
        nets={
            "fp32": NcnnFiles(param=folder / "ppocr_rec_v2.param", bin=folder / "ppocr_rec_v2.bin").net(),
            "int8": NcnnFiles(param=folder / "ppocr_rec_v2-int8.param", bin=folder / "ppocr_rec_v2-int8.bin").net(),
        },
        input=InputSpec("input", (320, 32), "bgr", (127.5,) * 3, (127.5,) * 3),
        outputs=("out",),
        preprocess=PreprocessOptions.model_validate({"resize": {"height": 32, "max_width": 320}, "pad": {"to": 320}}),
        postprocess=PostprocessOptions(keys=folder / "paddleocr_keys.txt", add_blank_character=True),
    )


def english_g2() -> ModelSpec:
    folder, dataset = SHARED / "models" / "english_g2", words()
    return ModelSpec(
        name="english_g2",
        zoo=dataset.zoo,
        task="text-recognition",
        dataset=dataset,
        nets={
            "fp32": NcnnFiles(param=folder / "english_g2.param", bin=folder / "english_g2.bin").net(),
            "int8": NcnnFiles(param=folder / "english_g2-int8.param", bin=folder / "english_g2-int8.bin").net(),
        },
        input=InputSpec("in0", (320, 64), "gray", (127.5,), (127.5,)),
        outputs=("out0",),
        preprocess=PreprocessOptions.model_validate(
            {"resize": {"height": 64, "max_width": 320, "interpolation": "cubic"}, "pad": {"to": 320, "value": "edge"}}
        ),
        postprocess=PostprocessOptions(keys=folder / "keys.txt"),
    )


def test_the_bad_int8_file_fails_clearly(tmp_path: Path) -> None:
    bench = open_workbench(tmp_path, cores=2, sampling=Sampling(samples=WORDS))
    found = bench.measure(ppocr())
    verdict = Tolerance(TASK.metrics["word_acc"], 0.04).of_measured(found, 0.95)
    assert verdict.decision == "fail"
    assert f"n = {WORDS} of 400" in verdict.reason
    word_acc = found.comparison.metrics["word_acc"]
    assert word_acc.fp32 > 0.4
    assert word_acc.int8 < 0.3
    assert found.comparison.details["unwritable"]["samples"] == 0
    assert all(one.texts is not None for one in found.comparison.moved)


def test_the_healthy_int8_file(tmp_path: Path) -> None:
    bench = open_workbench(tmp_path, cores=2, sampling=Sampling(samples=WORDS))
    found = bench.measure(english_g2()).comparison
    assert found.metrics["one_minus_ned"].fp32 > 0.6
    assert abs(found.metrics["one_minus_ned"].drop) < 0.05
    assert found.flips.agreement_pct < 90, "a third of the texts changed"
