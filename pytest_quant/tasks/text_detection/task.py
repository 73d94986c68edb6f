"""The task ``text-detection``, as it is registered."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Facts, Task
from pytest_quant.tasks.text_detection.comparison import METRICS
from pytest_quant.tasks.text_detection.options import (
    HmeanOptions,
    PostprocessOptions,
    PreprocessOptions,
    SharedOptions,
)
from pytest_quant.tasks.text_detection.pipeline import TextDetectionPipeline


class TextDetectionTask(Task):
    """What a zoo entry of ``task: text-detection`` can hold; see `Task`."""

    name = "text-detection"
    metrics: Mapping[str, Metric] = METRICS
    dataset_types = frozenset({"icdar2015", "ctw1500", "mmocr-json"})
    preprocess_options: type[BaseModel] = PreprocessOptions
    postprocess_options: type[BaseModel] = PostprocessOptions
    metric_options: Mapping[str, type[BaseModel]] = {
        "hmean": HmeanOptions,
        "precision": SharedOptions,
        "recall": SharedOptions,
    }
    shard_size = 4
    orient = False
    place = 20
    usual_tolerances: Mapping[str, float] = {"hmean": 0.01}

    def footnote(self, conditions: Facts, details: Facts) -> str:
        """The score threshold, on which hmean depends."""
        if details["score_threshold"] is None:
            return "every text region counts, whatever its score"
        fixed = conditions["hmean_score_threshold"] != "best of fp32"
        how = "" if fixed else ", at which the hmean of fp32 is largest"
        return f"both sides at score threshold {details['score_threshold']:.4g}{how}"

    def pipeline(self, model: ModelSpec) -> TextDetectionPipeline:
        """The work for one model; raises `ConfigError` for options that contradict each other."""
        return TextDetectionPipeline(model)


TASK: Task = TextDetectionTask()
