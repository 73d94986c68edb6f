"""The seven systems: what they are called, how they are built and which images they see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ZOO = Path(__file__).parents[2] / "examples" / "published-table.quant.yaml"
"""The zoo file that the systems run through, with models and datasets from environment variables."""

MODELS_VARIABLE = "QUANT_MODELS"


@dataclass(frozen=True)
class System:
    """One row of the table."""

    key: str
    model: str
    """Its name in `ZOO`, and its folder below ``QUANT_MODELS``."""
    network: str
    """Module below `benchmarks.systems`, and class."""
    size: tuple[int, int]
    """Width and height of the input it is exported with."""
    dataset: str
    """Key of `pictures.WRITERS`."""

    def build(self) -> Any:
        """The torch module, untrained; imports torch."""
        module, name = self.network.split(".")
        network: Callable[[], Any] = getattr(import_module(f"benchmarks.systems.{module}"), name)
        return network()


SYSTEMS = (
    System("resnet18", "resnet18-cifar10", "classifiers.ResNet18Cifar", (32, 32), "cifar10"),
    System("resnext50", "resnext50-32x4d-imagenet", "classifiers.ResNeXt50", (224, 224), "imagenet"),
    System("mobilenet_v2", "mobilenet-v2-imagenet", "classifiers.MobileNetV2", (224, 224), "imagenet"),
    System("hrnet_w18", "hrnet-w18-imagenet", "hrnet.HRNetW18", (224, 224), "imagenet"),
    System("panet_r18", "panet-r18-icdar2015", "text_detectors.PanNet", (1312, 736), "icdar2015"),
    System("textsnake_r50", "textsnake-r50-ctw1500", "text_detectors.SnakeNet", (992, 736), "ctw1500"),
    System("hourglass52", "hourglass52-coco", "hourglass.PoseHourglass", (256, 256), "coco"),
)
