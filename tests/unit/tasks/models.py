"""Model specs of classifiers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Color, InputSpec
from pytest_quant.tasks.classification.options import AccuracyOptions, PreprocessOptions

ZOO = Path("zoo.quant.yaml")
NET = NcnnFiles(param=Path("net.param"), bin=Path("net.bin")).net()


def net_input(
    size: tuple[int, int] | None = None,
    color: Color = "rgb",
    mean: tuple[float, ...] = (0.0, 0.0, 0.0),
    std: tuple[float, ...] = (1.0, 1.0, 1.0),
    scale: float = 1.0,
) -> InputSpec:
    return InputSpec("in0", size, color, mean, std, scale)


def classifier(
    input_: InputSpec | None = None,
    preprocess: Mapping[str, Any] | None = None,
    metric: Mapping[str, Mapping[str, Any]] | None = None,
    limits: tuple[Limit, ...] = (),
    outputs: tuple[str, ...] = ("prob",),
) -> ModelSpec:
    return ModelSpec(
        name="net",
        zoo=ZOO,
        task="classification",
        dataset=DatasetSpec("mini", "image-list", None, ZOO),
        nets={"fp32": NET, "int8": NET},
        input=input_ or net_input(),
        outputs=outputs,
        preprocess=PreprocessOptions.model_validate(preprocess or {}),
        metric_options={name: AccuracyOptions.model_validate(keys) for name, keys in (metric or {}).items()},
        limits=limits,
    )
