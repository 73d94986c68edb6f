"""The dataset formats, by the ``type`` a zoo file gives; each is imported when it is asked for.

A module of a format holds ``Options`` (the pydantic model of its keys; paths are `Path`) and ``open_dataset(spec)``.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from pydantic import BaseModel

from pytest_quant.datasets.base import Dataset
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetMissingError

_MODULES = {
    "cifar10": "pytest_quant.datasets.cifar10",
    "imagenet": "pytest_quant.datasets.imagenet",
    "image-list": "pytest_quant.datasets.image_list",
    "icdar2015": "pytest_quant.datasets.icdar2015",
    "ctw1500": "pytest_quant.datasets.ctw1500",
    "mmocr-json": "pytest_quant.datasets.mmocr_json",
    "coco-keypoints": "pytest_quant.datasets.coco_keypoints",
    "coco-detection": "pytest_quant.datasets.coco_detection",
}

DATASET_TYPES = tuple(_MODULES)


def options_of(type_name: str) -> type[BaseModel]:
    """The keys of a dataset type; raises `KeyError` for a type that is not in `DATASET_TYPES`."""
    return cast(type[BaseModel], import_module(_MODULES[type_name]).Options)


def open_dataset(spec: DatasetSpec) -> Dataset:
    """Find the samples of a dataset, without reading pixels.

    Raises `DatasetMissingError` when it is not on this machine, `DatasetError` when something is wrong with it.
    """
    if spec.missing is not None:
        raise DatasetMissingError(spec.missing)
    return cast(Dataset, import_module(_MODULES[spec.type]).open_dataset(spec))
