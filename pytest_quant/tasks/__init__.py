"""The tasks, by the name a zoo entry gives; each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from pytest_quant.tasks.base import Task

_MODULES = {
    "classification": "pytest_quant.tasks.classification.task",
    "text-detection": "pytest_quant.tasks.text_detection.task",
    "keypoints": "pytest_quant.tasks.keypoints.task",
    "semantic-segmentation": "pytest_quant.tasks.semantic_segmentation.task",
}

TASK_NAMES = tuple(_MODULES)


def get_task(name: str) -> Task:
    """The task of that name; raises `KeyError` for a name that is not in `TASK_NAMES`."""
    return cast(Task, import_module(_MODULES[name]).TASK)
