"""Model specs of detectors for the tests of this folder; the real ones where the shared folder is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.datasets.coco_detection import CocoDetectionOptions
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Color, InputSpec
from pytest_quant.tasks.object_detection.options import PostprocessOptions, PreprocessOptions

ZOO = Path("zoo.quant.yaml")
NET = NcnnFiles(param=Path("net.param"), bin=Path("net.bin")).net()
SHARED = Path(__file__).parents[5] / "shared"
DATA = SHARED / "data" / "coco-detection"
IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def net_input(size: tuple[int, int] | None = (64, 32), blob: str = "in0", color: Color = "rgb") -> InputSpec:
    return InputSpec(blob, size, color, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def detector(
    postprocess: Mapping[str, Any],
    preprocess: Mapping[str, Any] | None = None,
    size: tuple[int, int] | None = (64, 32),
    outputs: Sequence[str] = ("out0",),
) -> ModelSpec:
    return ModelSpec(
        name="net",
        zoo=ZOO,
        task="object-detection",
        dataset=DatasetSpec("mini", "coco-detection", None, ZOO),
        nets={"fp32": NET, "int8": NET},
        input=net_input(size),
        outputs=tuple(outputs),
        preprocess=PreprocessOptions.model_validate(preprocess or {}),
        postprocess=PostprocessOptions.model_validate(postprocess),
    )


def real(
    folder: str,
    input_: InputSpec,
    output: str,
    postprocess: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    int8: str = "-int8",
) -> ModelSpec:
    """A net of the shared folder on the shared images; skips where they are not on this machine."""
    nets = SHARED / "models" / f"{folder}-coco"
    if not nets.is_dir() or not DATA.is_dir():
        pytest.skip(f"the shared real model or data is not on this machine: {nets}, {DATA}")
    options = CocoDetectionOptions(images=DATA / "val2017", annotations=DATA / "instances_val2017_subset.json")
    return ModelSpec(
        name=folder,
        zoo=ZOO,
        task="object-detection",
        dataset=DatasetSpec("coco", "coco-detection", options, ZOO),
        nets={
            side: NcnnFiles(param=nets / f"{name}.param", bin=nets / f"{name}.bin").net()
            for side, name in (("fp32", folder), ("int8", f"{folder}{int8}"))
        },
        input=input_,
        outputs=(output,),
        preprocess=PreprocessOptions.model_validate(preprocess),
        postprocess=PostprocessOptions.model_validate(postprocess),
    )


def yolox_nano(int8: str = "-int8", **postprocess: Any) -> ModelSpec:
    letterbox = {"resize": {"letterbox": [416, 416]}}
    input_ = InputSpec("images", (416, 416), "rgb", *IMAGENET)
    return real("yolox_nano", input_, "output", {"decoder": "yolox", **postprocess}, letterbox, int8)


def yolox_nano_mixed() -> ModelSpec:
    """Depthwise layers and the first four in float."""
    return yolox_nano("-mixed-int8")


def nanodet_plus(preprocess: Mapping[str, Any] | None = None) -> ModelSpec:
    mean, std = (values[::-1] for values in IMAGENET)
    input_ = InputSpec("in0", (416, 416), "bgr", mean, std)
    return real("nanodet_plus_m", input_, "out0", {"decoder": "dfl", "profile": "nanodet-plus"}, preprocess or {})


def yolo_fastest() -> ModelSpec:
    input_ = InputSpec("data", (320, 320), "rgb", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 1 / 255)
    return real("yolo_fastest_xl", input_, "output", {"decoder": "detection-output"}, {})
