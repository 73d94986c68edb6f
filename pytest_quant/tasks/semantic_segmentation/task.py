"""The task ``semantic-segmentation``, as it is registered."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Facts, Task
from pytest_quant.tasks.semantic_segmentation.comparison import METRICS
from pytest_quant.tasks.semantic_segmentation.options import (
    IouOptions,
    PostprocessOptions,
    PreprocessOptions,
    SharedOptions,
)
from pytest_quant.tasks.semantic_segmentation.pipeline import SegmentationPipeline


class SegmentationTask(Task):
    """What a zoo entry of ``task: semantic-segmentation`` can hold; see `Task`."""

    name = "semantic-segmentation"
    metrics: Mapping[str, Metric] = METRICS
    dataset_types = frozenset({"segmentation"})
    preprocess_options: type[BaseModel] = PreprocessOptions
    postprocess_options: type[BaseModel] = PostprocessOptions
    metric_options: Mapping[str, type[BaseModel]] = {
        "mIoU": IouOptions,
        "mAcc": SharedOptions,
        "aAcc": SharedOptions,
    }
    shard_size = 2
    orient = True
    place = 50
    usual_tolerances: Mapping[str, float] = {"mIoU": 1.0}

    def footnote(self, conditions: Facts, details: Facts) -> str:
        """What moves mIoU by points at the same net."""
        void = "ignored" if conditions["void"] == "ignored" else "counted as false positives"
        resized = conditions["output_resize"]
        how = "an output that is not resized" if resized == "none" else f"{resized} resized to the label image"
        return f"void pixels {void}, {how}"

    def pipeline(self, model: ModelSpec) -> SegmentationPipeline:
        """The work for one model; raises `ConfigError` for options that contradict each other."""
        return SegmentationPipeline(model)


TASK: Task = SegmentationTask()
