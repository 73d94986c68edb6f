"""The task ``semantic-segmentation`` as `pytest_quant.tasks` finds it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from pytest_quant.spec.metric import METRICS, Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Task
from pytest_quant.tasks.semantic_segmentation.comparison import NAMES
from pytest_quant.tasks.semantic_segmentation.options import (
    IouOptions,
    PostprocessOptions,
    PreprocessOptions,
    SharedOptions,
)
from pytest_quant.tasks.semantic_segmentation.pipeline import SegmentationPipeline


class SegmentationTask:
    """What a zoo entry of ``task: semantic-segmentation`` can hold; see `Task`."""

    name = "semantic-segmentation"
    metrics: Mapping[str, Metric] = {name: METRICS[name] for name in NAMES}
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

    def pipeline(self, model: ModelSpec) -> SegmentationPipeline:
        """The work for one model; raises `ConfigError` for options that contradict each other."""
        return SegmentationPipeline(model)


TASK: Task = SegmentationTask()
