"""What pipeline.json loses and the training config still has, where detail.json names one that lies on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.paths import is_file
from pytest_quant.training_config import UnreadError, read_training_config


@dataclass(frozen=True)
class ResizeStep:
    """The ResizeEdge of a training config's test pipeline."""

    config: Path
    keys: Mapping[str, object]

    @property
    def backend(self) -> str:
        """``cv2`` or ``pillow``."""
        return str(self.keys.get("backend", "cv2"))

    @property
    def interpolation(self) -> str:
        """Such as ``bilinear`` or ``bicubic``."""
        return str(self.keys.get("interpolation", "bilinear"))

    @property
    def edge(self) -> str:
        """Which side of the image gets the size: ``short``, ``long``, ``width`` or ``height``."""
        return str(self.keys.get("edge", "short"))


def resize_step(folder: Path, config: str | None) -> ResizeStep | None:
    """The one ResizeEdge of the config that detail.json names, or that lies in the folder under its name.

    None when there is no such file here, or it cannot be told without executing it.
    """
    if not config:
        return None
    places = (folder / config, folder / Path(config).name)  # the first is the path itself where that is absolute
    path = next((place for place in places if is_file(place)), None)
    if path is None:
        return None
    try:
        pipeline = read_training_config(path).value("test_pipeline")
    except (ConfigError, UnreadError, KeyError):
        return None
    steps = [step for step in pipeline if isinstance(step, Mapping)] if isinstance(pipeline, list) else []
    found = [step for step in steps if str(step.get("type")).rpartition(".")[2] == "ResizeEdge"]
    return ResizeStep(path, found[0]) if len(found) == 1 else None
