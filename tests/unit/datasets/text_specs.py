"""Dataset specs and small files for the tests of the text datasets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from pytest_quant.spec.dataset import DatasetSpec

from .specs import write_png


def text_spec(module: ModuleType, root: Path, annotations: str = "gt", **options: object) -> DatasetSpec:
    """A dataset with ``images/`` and ``annotations`` below ``root``."""
    validated = module.Options(images=root / "images", annotations=root / annotations, **options)
    return DatasetSpec("mini", "text", validated, root / "zoo.quant.yaml")


def write_text_dataset(root: Path, files: Mapping[str, bytes | str], images: list[str]) -> None:
    """Annotation files below ``gt/`` and small images below ``images/``."""
    (root / "gt").mkdir(exist_ok=True)
    for name, content in files.items():
        (root / "gt" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for name in images:
        write_png(root / "images" / name)
