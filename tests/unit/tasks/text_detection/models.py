"""Model specs of text detectors for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Color, InputSpec
from pytest_quant.tasks.text_detection.options import HmeanOptions, PostprocessOptions, PreprocessOptions

ZOO = Path("zoo.quant.yaml")
NET = NcnnFiles(param=Path("net.param"), bin=Path("net.bin")).net()
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def detector(
    decoder: str = "pan",
    *,
    preprocess: Mapping[str, Any] | None = None,
    postprocess: Mapping[str, Any] | None = None,
    hmean: Mapping[str, Any] | None = None,
    size: tuple[int, int] | None = None,
    color: Color = "rgb",
    mean: tuple[float, ...] = MEAN,
    outputs: tuple[str, ...] = ("output",),
) -> ModelSpec:
    return ModelSpec(
        name="net",
        zoo=ZOO,
        task="text-detection",
        dataset=DatasetSpec("mini", "icdar2015", None, ZOO),
        nets={"fp32": NET, "int8": NET},
        input=InputSpec("in0", size, color, mean, STD),
        outputs=outputs,
        preprocess=PreprocessOptions.model_validate(preprocess or {}),
        postprocess=PostprocessOptions.model_validate({"decoder": decoder, **(postprocess or {})}),
        metric_options={} if hmean is None else {"hmean": HmeanOptions.model_validate(hmean)},
    )
