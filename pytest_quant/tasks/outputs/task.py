"""The task ``outputs``, as it is registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Task
from pytest_quant.tasks.classification.options import Resize
from pytest_quant.tasks.images import Backend
from pytest_quant.tasks.outputs.pipeline import AGREEMENT, OutputsPipeline


class NoKeys(BaseModel):
    """No decoder, and no metric that has options."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PreprocessKeys(NoKeys):
    """Keys of ``preprocess``."""

    resize: Resize | None = None
    """Without it an image is resized to ``input.size``."""
    backend: Backend = "opencv"


class OutputsTask(Task):
    """What a zoo entry of ``task: outputs`` can hold; see `Task`."""

    name = "outputs"
    metrics: Mapping[str, Metric] = {AGREEMENT.name: AGREEMENT}
    dataset_types = frozenset({"cifar10", "imagenet", "image-list", "images"})
    preprocess_options: type[BaseModel] = PreprocessKeys
    postprocess_options: type[BaseModel] = NoKeys
    metric_options: Mapping[str, type[BaseModel]] = {}
    shard_size = 16
    orient = True
    takes_arrays = True
    place = 70

    def footnote(self, conditions: Mapping[str, Any], details: Mapping[str, Any]) -> str:
        """What agrees, without a decoder."""
        return "agreement: the largest value of every raw output stands at the same place"

    def pipeline(self, model: ModelSpec) -> OutputsPipeline:
        """The work for one model; raises `ConfigError` for options that contradict each other."""
        return OutputsPipeline(model)


TASK: Task = OutputsTask()
