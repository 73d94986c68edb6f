"""How messages name the files of a model."""

from __future__ import annotations

from pathlib import Path

from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import shown


def file_name(model: ModelSpec, path: Path) -> str:
    """A file of the model for messages; of one that was built its place among the built files, the same everywhere."""
    if model.built_in is not None and path.is_relative_to(model.built_in):
        return f"built/{path.relative_to(model.built_in).as_posix()}"
    return shown(path)
