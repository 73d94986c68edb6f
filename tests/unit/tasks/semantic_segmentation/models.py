"""Model specs of segmenters, and datasets of a few small images, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pytest_quant.datasets.segmentation import SegmentationOptions
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.semantic_segmentation.options import IouOptions, PostprocessOptions, PreprocessOptions

ZOO = Path("zoo.quant.yaml")
NET = NcnnFiles(param=Path("net.param"), bin=Path("net.bin"))


def segmenter(
    dataset: DatasetSpec,
    *,
    size: tuple[int, int] | None = None,
    preprocess: Mapping[str, Any] | None = None,
    postprocess: Mapping[str, Any] | None = None,
    iou: Mapping[str, Any] | None = None,
    outputs: tuple[str, ...] = ("out0",),
) -> ModelSpec:
    return ModelSpec(
        name="net",
        zoo=ZOO,
        task="semantic-segmentation",
        dataset=dataset,
        nets={"fp32": NET.net(), "int8": NET.net()},
        input=InputSpec("in0", size, "rgb", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        outputs=outputs,
        preprocess=PreprocessOptions.model_validate(preprocess or {}),
        postprocess=PostprocessOptions.model_validate(postprocess or {}),
        metric_options={"mIoU": IouOptions.model_validate(iou or {})},
    )


def write_dataset(folder: Path, masks: Mapping[str, NDArray[np.uint8]], **options: Any) -> DatasetSpec:
    """Grey images, and label images with the given pixels."""
    for name, mask in masks.items():
        for kind in ("images", "masks"):
            (folder / kind / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (mask.shape[1], mask.shape[0]), (9, 9, 9)).save(folder / "images" / name)
        Image.fromarray(mask).save(folder / "masks" / name)
    found = SegmentationOptions.model_validate({"images": folder / "images", "masks": folder / "masks", **options})
    return DatasetSpec("mini", "segmentation", found, folder / "zoo.quant.yaml")
