"""The task ``classification``, as it is registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Comparison, GuessedHits, RightWrong, Task
from pytest_quant.tasks.classification.metric import DEPTHS, METRICS
from pytest_quant.tasks.classification.options import AccuracyOptions, PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.classification.pipeline import ClassificationPipeline
from pytest_quant.tasks.classification.prediction import ClassPrediction


class ClassificationTask(Task):
    """What a zoo entry of ``task: classification`` can hold; see `Task`."""

    name = "classification"
    metrics: Mapping[str, Metric] = METRICS
    dataset_types = frozenset({"cifar10", "imagenet", "image-list"})
    preprocess_options: type[BaseModel] = PreprocessOptions
    postprocess_options: type[BaseModel] = PostprocessOptions
    metric_options: Mapping[str, type[BaseModel]] = dict.fromkeys(DEPTHS, AccuracyOptions)
    shard_size = 50
    orient = True
    place = 10
    usual_tolerances: Mapping[str, float] = {"top1": 1.0}

    def counts_flips(self, metric: str) -> bool:
        """They are about the first answer."""
        return metric == "top1"

    def guessed(self, comparison: Comparison, fp32: Sequence[ClassPrediction]) -> GuessedHits | None:
        """One class of all that the net has is right."""
        right = comparison.metrics["top1"].evidence
        if not isinstance(right, RightWrong):
            raise TypeError("top1 is a share of samples that are right")
        return GuessedHits(int(right.fp32.sum()), right.fp32.size, fp32[0].class_count)

    def pipeline(self, model: ModelSpec) -> ClassificationPipeline:
        """The work for one model; raises `ConfigError` for options that contradict each other."""
        return ClassificationPipeline(model)


TASK: Task = ClassificationTask()
