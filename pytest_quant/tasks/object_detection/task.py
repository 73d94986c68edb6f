"""The task ``object-detection``, as it is registered."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Facts, Task
from pytest_quant.tasks.object_detection.metric import METRICS
from pytest_quant.tasks.object_detection.options import NoOptions, PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.object_detection.pipeline import ObjectDetectionPipeline


class ObjectDetectionTask(Task):
    """What a zoo entry of ``task: object-detection`` can hold; see `Task`."""

    name = "object-detection"
    metrics: Mapping[str, Metric] = METRICS
    dataset_types = frozenset({"coco-detection"})
    preprocess_options: type[BaseModel] = PreprocessOptions
    postprocess_options: type[BaseModel] = PostprocessOptions
    metric_options: Mapping[str, type[BaseModel]] = dict.fromkeys(METRICS, NoOptions)
    shard_size = 8
    orient = True
    place = 40
    usual_tolerances: Mapping[str, float] = {"mAP": 0.01}

    def footnote(self, conditions: Facts, details: Facts) -> str:
        """How images were resized, and which detections count: both move mAP by points."""
        resize = conditions["resize"]
        way = next(key for key in ("size", "letterbox", "keep_ratio") if key in resize)
        width, height = resize[way]
        how = {"size": "stretched to", "letterbox": "letterboxed to", "keep_ratio": "ratio kept within"}[way]
        return (
            f"images {how} {width}x{height}, scores from {conditions['score_threshold']:g}, "
            f"at most {conditions['max_detections']} detections of an image"
        )

    def pipeline(self, model: ModelSpec) -> ObjectDetectionPipeline:
        """The work for one model; raises `ConfigError` for options that contradict each other."""
        return ObjectDetectionPipeline(model)


TASK: Task = ObjectDetectionTask()
