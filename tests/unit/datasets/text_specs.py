"""Dataset specs and small files for the tests of the text datasets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from pytest_quant.datasets import ctw1500, icdar2015, mmocr_json
from pytest_quant.spec.dataset import DatasetSpec

from .specs import write_png

_OPTIONS = {
    ctw1500: ctw1500.Ctw1500Options,
    icdar2015: icdar2015.Icdar2015Options,
    mmocr_json: mmocr_json.MmocrJsonOptions,
}


def text_spec(module: ModuleType, root: Path, annotations: str = "gt", **options: object) -> DatasetSpec:
    """A dataset with ``images/`` and ``annotations`` below ``root``."""
    validated = _OPTIONS[module](images=root / "images", annotations=root / annotations, **options)
    return DatasetSpec("mini", "text", validated, root / "zoo.quant.yaml")


def write_text_dataset(root: Path, files: Mapping[str, bytes | str], images: list[str]) -> None:
    """Annotation files below ``gt/`` and small images below ``images/``."""
    (root / "gt").mkdir(exist_ok=True)
    for name, content in files.items():
        (root / "gt" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for name in images:
        write_png(root / "images" / name)
