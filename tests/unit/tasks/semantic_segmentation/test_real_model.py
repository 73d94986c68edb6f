"""A real segmenter (ESPNet) on real CamVid images: the published protocol to the last digit, and a bad int8 file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets.segmentation import SegmentationOptions
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from tests.unit.metrics import METRICS

SHARED = Path(__file__).parents[4].parent / "shared"
MEAN = (110.33134257760945, 108.40914603085218, 105.03352311261668)
STD = (72.12519707536828, 72.68854341844772, 69.90261427128347)


def espnet(int8: Literal["espnet-int8", "espnet-aciq-int8"] = "espnet-int8") -> ModelSpec:
    folder, data = SHARED / "models" / "espnet-camvid", SHARED / "data" / "camvid"
    if not folder.is_dir() or not data.is_dir():
        pytest.skip(f"the shared models and data are not on this machine: {SHARED}")
    options = SegmentationOptions(list=data / "test.txt", classes=data / "classes.txt", ignore_index=11)
    zoo = Path("zoo.quant.yaml")
    return ModelSpec(
        name="espnet",
        zoo=zoo,
        task="semantic-segmentation",
        dataset=DatasetSpec("camvid", "segmentation", options, zoo),
        nets={
            "fp32": NcnnFiles(param=folder / "espnet.param", bin=folder / "espnet.bin").net(),
            "int8": NcnnFiles(param=folder / f"{int8}.param", bin=folder / f"{int8}.bin").net(),
        },
        input=InputSpec("in0", (480, 360), "bgr", MEAN, tuple(255 * value for value in STD)),
        outputs=("out0",),
    )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return open_workbench(tmp_path_factory.mktemp("run"), cores=2)


@pytest.fixture(scope="module")
def measurement(bench: Workbench) -> Measurement:
    return bench.measure(espnet())


def values(measurement: Measurement) -> dict[str, tuple[float, float]]:
    return {name: (round(p.fp32, 3), round(p.int8, 3)) for name, p in measurement.comparison.metrics.items()}


def test_the_numbers_of_a_plain_loop(measurement: Measurement) -> None:
    assert values(measurement) == {
        "aAcc": (86.038, 80.681),
        "mAcc": (69.286, 52.495),
        "mIoU": (57.852, 45.336),
    }
    per_class = measurement.comparison.details["iou_per_class"]
    assert [round(one["fp32"], 2) for one in per_class.values()] == [
        *(91.66, 73.02, 30.08, 93.08, 78.10, 63.68, 31.38, 10.13, 73.73, 35.19, 56.33)
    ]
    assert list(per_class)[:2] == ["Sky", "Building"]


def test_pixels_with_the_same_class(measurement: Measurement) -> None:
    """Of all pixels it is 85.71 %; here a lattice of them is looked at."""
    assert measurement.comparison.flips.agreement_pct == pytest.approx(85.71, abs=0.02)


def test_the_bad_int8_file_fails_clearly(measurement: Measurement) -> None:
    verdict = Tolerance(METRICS["mIoU"], 1.0).of_measured(measurement, 0.95)
    assert verdict.decision == "fail"
    assert verdict.reason.startswith("drop = 57.85 - 45.34 = 12.52 points")


def test_the_healthy_int8_file(bench: Workbench, measurement: Measurement) -> None:
    found = bench.measure(espnet("espnet-aciq-int8"))
    assert {name: int8 for name, (_, int8) in values(found).items()} == {
        "aAcc": 86.194,
        "mAcc": 69.132,
        "mIoU": 57.756,
    }
