"""Real recognizers (PP-OCR mobile v2.0, EasyOCR english_g2) on 400 words of ICDAR2015; one int8 file really is bad.

The numbers were measured without this project; the int8 file with float layers is in ``benchmarks/later_tasks.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets.words import TextLinesOptions
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.text_recognition.options import PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.text_recognition.task import TASK

SHARED = Path(__file__).parents[4].parent / "shared"
NAMES = ("word_acc", "word_acc_ignore_case", "word_acc_ignore_case_symbol", "one_minus_ned", "cer")
ONE_WORD = 1 / 400 + 1e-9
"""May be read otherwise where a processor rounds otherwise."""


def check(measured: Measurement, fp32: Sequence[float], int8: Sequence[float]) -> None:
    """The metrics of both sides are those of a plain loop; ``int8`` may hold the first few."""
    found = measured.comparison.metrics
    assert [found[name].fp32 for name in NAMES] == pytest.approx(fp32, abs=ONE_WORD)
    assert [found[name].int8 for name in NAMES[: len(int8)]] == pytest.approx(int8, abs=ONE_WORD)


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
    found = open_workbench(tmp_path, cores=2).measure(ppocr())
    check(found, (0.5750, 0.6025, 0.6075, 0.8289, 0.1905), (0.1200, 0.1275, 0.1325))  # as aarch64 computes int8
    verdict = Tolerance(TASK.metrics["word_acc"], 0.04).of_measured(found, 0.95)
    assert verdict.decision == "fail"
    assert verdict.reason.startswith("drop = 0.5750 - 0.1200 = 0.4550")
    assert found.comparison.details["unwritable"]["samples"] == 0
    assert all(one.texts is not None for one in found.comparison.moved)


def test_the_healthy_int8_file(tmp_path: Path) -> None:
    found = open_workbench(tmp_path, cores=2).measure(english_g2())
    check(found, (0.3350, 0.3950, 0.4250, 0.7001, 0.3882), (0.3325, 0.3800, 0.4125, 0.6998, 0.3868))
    assert found.comparison.details["unwritable"]["samples"] == 1, "an accent"
    assert found.comparison.flips.agreement_pct == pytest.approx(100 * 269 / 400, abs=1), "a third of the texts changed"
