"""Dataset specs and small images for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pytest_quant.extending.known import options_of
from pytest_quant.spec.dataset import DatasetSpec


def dataset_spec(type_name: str, root: Path, **options: Any) -> DatasetSpec:
    return DatasetSpec("mini", type_name, options_of(type_name)(root=root, **options), root / "zoo.quant.yaml")


def write_png(path: Path, color: tuple[int, int, int] = (255, 0, 0), size: tuple[int, int] = (4, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path, "PNG")


def cifar_records(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Random records of shape (count, 3073) with labels 0 to 9."""
    records = np.random.default_rng(seed).integers(0, 256, (count, 3073), dtype=np.uint8)
    records[:, 0] %= 10
    return records
