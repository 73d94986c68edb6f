from __future__ import annotations

import pytest

from pytest_quant.report.model import SqnrEntry
from pytest_quant.report.stages import Stages
from pytest_quant.spec.metric import Metric

TOP1, HMEAN = Metric("top1", "%"), Metric("hmean", "fraction")


@pytest.mark.parametrize(
    ("onnx", "fp32", "int8", "conclusion"),
    [
        (94.35, 94.35, 93.10, "all of the loss by quantization"),
        (94.35, 93.35, 93.35, "all of the loss by conversion to ncnn"),
        (90.0, 89.0, 86.0, "of the loss 25 % by conversion to ncnn, 75 % by quantization"),
        (90.0, 90.5, 86.0, "all of the loss by quantization"),
        (90.0, 90.0, 90.0, "no step lost anything"),
        (90.0, 91.0, 92.0, "no step lost anything"),
        (90.0, 89.999, 80.0, "all of the loss by quantization"),  # what is printed as 0.00 is not a loss
    ],
)
def test_which_step_lost_it(onnx: float, fp32: float, int8: float, conclusion: str) -> None:
    assert Stages(TOP1, onnx, fp32, int8).conclusion == conclusion


def test_points_gains_and_outputs() -> None:
    stages = Stages(
        TOP1,
        90.0,
        90.5,
        86.0,
        fp32_outputs=SqnrEntry(sqnr_db=None, note="identical"),
        int8_outputs=SqnrEntry(sqnr_db=12.34),
    )
    assert stages.line == (
        "stages, top1: onnx 90.00 -> ncnn fp32 90.50 (gained 0.50 points, outputs identical) -> int8 86.00 (lost 4.50 "
        "points, outputs 12.3 dB): all of the loss by quantization"
    )


def test_fractions() -> None:
    line = Stages(HMEAN, 0.8, 0.8, 0.7).line
    assert line == (
        "stages, hmean: onnx 0.8000 -> ncnn fp32 0.8000 (lost 0.0000) -> int8 0.7000 (lost 0.1000): all of the loss "
        "by quantization"
    )


def test_the_losses_add_up() -> None:
    stages = Stages(HMEAN, 0.81234, 0.80123, 0.7)
    assert sum(stages.lost) == pytest.approx(0.81234 - 0.7, abs=1e-4)
