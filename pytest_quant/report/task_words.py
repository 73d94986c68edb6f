"""What a report must ask a model's task: its place in the table, what flips are about, and its footnote."""

from __future__ import annotations

from pytest_quant.report.model import ModelEntry

_PLACES = ("classification", "text-detection", "keypoints")


def place(model: ModelEntry | None) -> int:
    """The order of models in the table, as published ones have it; what was not measured comes last."""
    return _PLACES.index(model.task) if model is not None and model.task in _PLACES else len(_PLACES)


def counts_flips(model: ModelEntry, metric: str) -> bool:
    """Whether a model's flips are about a metric: a model has one count, and that of a classifier is about top1."""
    return model.task != "classification" or metric == "top1"


def footnote(model: ModelEntry) -> str | None:
    """What one must know of a model's numbers to compare them with others of their kind."""
    conditions, details = model.conditions, model.details or {}
    if model.task == "text-detection":
        fixed = conditions["hmean_score_threshold"] != "best of fp32"
        how = "" if fixed else ", at which the hmean of fp32 is largest"
        return f"both sides at score threshold {details['score_threshold']:.4g}{how}"
    if model.task == "keypoints":
        return f"flip_test: {str(conditions['flip_test']).lower()}, boxes: {conditions['boxes']}"
    return None
