"""The task ``keypoints``, as it is registered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Facts, Task
from pytest_quant.tasks.keypoints.metric import DEFINITIONS, METRICS
from pytest_quant.tasks.keypoints.options import APOptions, NoOptions, PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.keypoints.pipeline import KeypointsPipeline
from pytest_quant.tasks.keypoints.training import config_conditions
from pytest_quant.training_config import read_training_config


class KeypointsTask(Task):
    """What a zoo entry of ``task: keypoints`` can hold; see `Task`."""

    name = "keypoints"
    metrics: Mapping[str, Metric] = METRICS
    dataset_types = frozenset({"coco-keypoints"})
    preprocess_options: type[BaseModel] = PreprocessOptions
    postprocess_options: type[BaseModel] = PostprocessOptions
    metric_options: Mapping[str, type[BaseModel]] = {
        name: APOptions if name == "AP" else NoOptions for name in DEFINITIONS
    }
    shard_size = 4
    orient = True
    place = 30
    usual_tolerances: Mapping[str, float] = {"AP": 0.01}

    def footnote(self, conditions: Facts, details: Facts) -> str:
        """Whether inputs were flipped, and whose boxes were taken: both move AP by points."""
        return f"flip_test: {str(conditions['flip_test']).lower()}, boxes: {conditions['boxes']}"

    def config_conditions(self, path: Path) -> Mapping[str, object]:
        """What an mmpose config file says, without executing it; see `training.config_conditions`."""
        return config_conditions(read_training_config(path))

    def pipeline(self, model: ModelSpec) -> KeypointsPipeline:
        """The work for one model; raises `ConfigError` for options that contradict each other."""
        return KeypointsPipeline(model)


TASK: Task = KeypointsTask()
